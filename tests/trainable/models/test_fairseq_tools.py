"""fairseq's own tools train, load and decode the model through `--user-dir`."""

import contextlib
import io
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from fairseq import checkpoint_utils, options
from fairseq.data import Dictionary
from fairseq_cli import preprocess

import trainable
from trainable.config import ModelConfig
from trainable.fairseq_checkpoint import fairseq_checkpoint
from trainable.models.build import build_model
from trainable.models.options import command_line, fairseq_options

USER_DIR = Path(trainable.__file__).parent
CONFIG = ModelConfig(
    encoder="R1LFGCR1La1La1Ra1Ra1",
    decoder="L1R1L1Lw1Lw1",
    d_model=16,
    embedding_dim=12,
    ffn=24,
    heads=2,
    reservoir_draw="orthogonal",
    reservoir_backward="around",
)
N_WORDS, N_SENTENCES = 12, 20
# At its default of 8, fairseq drops a last batch that is no multiple of 8 sentences.
EVERY_SENTENCE = ("--required-batch-size-multiple", "1")


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """A tiny binarised corpus: the target is the source reversed."""
    folder, rng = tmp_path_factory.mktemp("corpus"), random.Random(3)
    sentences = [
        [f"w{rng.randrange(N_WORDS)}" for _ in range(rng.randint(2, 6))] for _ in range(N_SENTENCES)
    ]
    for split in ("train", "valid", "test"):
        for lang, step in (("de", 1), ("en", -1)):
            lines = [" ".join(words[::step]) for words in sentences]
            (folder / f"{split}.{lang}").write_text("\n".join(lines) + "\n")
    arguments = ["--source-lang", "de", "--target-lang", "en", "--destdir", str(folder / "bin")]
    for split in ("train", "valid", "test"):
        arguments += [f"--{split}pref", str(folder / split)]
    with contextlib.redirect_stdout(io.StringIO()):
        preprocess.main(options.get_preprocessing_parser().parse_args(arguments))
    return folder / "bin"


def task_arguments(data: Path) -> list[str]:
    return [str(data), "--source-lang", "de", "--target-lang", "en"]


def training_arguments() -> list[str]:
    return [
        *("--optimizer", "adam", "--adam-betas", "(0.9, 0.98)", "--lr", "0.003"),
        *("--lr-scheduler", "inverse_sqrt", "--warmup-updates", "4"),
        *("--criterion", "label_smoothed_cross_entropy", "--label-smoothing", "0.1"),
        *("--max-tokens", "60", *EVERY_SENTENCE),
    ]


@pytest.fixture(scope="module")
def exported(data, tmp_path_factory):
    """A model, and the fairseq checkpoint made of it."""
    src_dict, tgt_dict = (Dictionary.load(str(data / f"dict.{lang}.txt")) for lang in ("de", "en"))
    model = build_model(CONFIG, src_dict=src_dict, tgt_dict=tgt_dict, seed=9).eval()
    model_options = command_line(fairseq_options(CONFIG, seed=9))
    arguments = [*task_arguments(data), *model_options, *training_arguments()]
    path = tmp_path_factory.mktemp("export") / "checkpoint.pt"
    torch.save(fairseq_checkpoint(model, arguments=arguments, n_updates=3), path)
    return model, path


def fairseq_tool(name: str, *arguments: str) -> str:
    """The output of a fairseq command in a process of its own, away from our source tree."""
    done = subprocess.run(
        [sys.executable, "-m", f"fairseq_cli.{name}", *arguments],
        capture_output=True,
        text=True,
        timeout=110,
        cwd="/",
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout + done.stderr


def test_fairseq_loads_the_checkpoint_strictly_and_gets_the_model_back(data, exported):
    model, path = exported
    loaded, _, task = checkpoint_utils.load_model_ensemble_and_task(
        [str(path)], strict=True, arg_overrides={"data": str(data)}
    )
    again = loaded[0].eval()
    assert task.source_dictionary == model.encoder.dictionary
    ours, theirs = model.reservoir_tensors(), again.reservoir_tensors()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)

    src, previous = torch.tensor([[5, 6, 7, 2]]), torch.tensor([[2, 8, 9]])
    lengths = torch.tensor([4])
    assert torch.equal(model(src, lengths, previous)[0], again(src, lengths, previous)[0])


def test_the_checkpoint_holds_plain_values_and_every_learned_weight_once(exported):
    model, path = exported
    state = torch.load(path, weights_only=True)
    assert not any("reservoir" in name for name in state["model"])
    assert set(state["model"]).isdisjoint(model.reservoir_tensors())
    storages = {t.untyped_storage().data_ptr(): t.numel() for t in state["model"].values()}
    n_versions = 2  # fairseq numbers the format of each stack
    assert sum(storages.values()) == sum(p.numel() for p in model.parameters()) + n_versions


@pytest.mark.slow
def test_fairseq_generate_decodes_the_checkpoint(data, exported):
    _, path = exported
    arguments = ["--user-dir", str(USER_DIR), "--path", str(path), "--beam", "3"]
    output = fairseq_tool("generate", *task_arguments(data), *arguments, *EVERY_SENTENCE)
    assert len(re.findall(r"^H-\d+\t", output, flags=re.MULTILINE)) == N_SENTENCES


@pytest.mark.slow
def test_fairseq_train_trains_a_layout_and_generate_decodes_it(data, tmp_path):
    plug_in = ["--user-dir", str(USER_DIR)]
    fairseq_tool(
        "train",
        *task_arguments(data),
        *plug_in,
        *command_line(fairseq_options(CONFIG, seed=9)),
        *training_arguments(),
        *("--seed", "9", "--max-update", "4", "--save-dir", str(tmp_path), "--num-workers", "0"),
        *("--no-progress-bar", "--cpu"),
    )
    path = tmp_path / "checkpoint_last.pt"
    state = torch.load(path, weights_only=True)
    assert state["optimizer_history"][-1]["num_updates"] == 4
    dictionaries = [Dictionary.load(str(data / f"dict.{lang}.txt")) for lang in ("de", "en")]
    start = build_model(CONFIG, src_dict=dictionaries[0], tgt_dict=dictionaries[1], seed=9)
    assert state["model"].keys() == start.state_dict().keys()
    moved = {
        name for name, p in start.named_parameters() if not torch.equal(state["model"][name], p)
    }
    assert moved == set(dict(start.named_parameters()))

    arguments = [*plug_in, "--path", str(path), "--beam", "2"]
    output = fairseq_tool("generate", *task_arguments(data), *arguments, *EVERY_SENTENCE)
    assert len(re.findall(r"^H-\d+\t", output, flags=re.MULTILINE)) == N_SENTENCES
