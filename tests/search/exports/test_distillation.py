"""``data distill`` prepares an export's data anew, with its translations as training targets."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from search.exports import distillation
from search.exports.distillation import distilled_data
from search.exports.translate import open_export
from spaces.errors import UserError
from tests.encoder_exports import encoder_trial, write_export
from trainable.data.grammar.corpus import grammar
from trainable.data.grammar.summaries import grammar_summaries
from trainable.data.manifest import SPLITS, Manifest
from trainable.data.prepare import prepare
from trainable.decoding import LengthLimit, decode
from trainable.model_size import candidate_size
from trainable.tasks.registry import load_task
from trainable.tasks.translation import Translation
from trainable.training import run_trial

N_TRAIN = 12
LIMIT = LengthLimit(ratio=0.0, extra=8)  # an untrained model stops nowhere else


@pytest.fixture(scope="module", autouse=True)
def short() -> Iterator[None]:
    """Translations end soon."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Translation, "full_limit", LIMIT)
        yield


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Export of an untrained model, beside its data."""
    place = tmp_path_factory.mktemp("distil")
    prepare(
        lambda: grammar(seed=3, n_train=N_TRAIN, n_valid=2, n_test=2), place / "data", n_merges=20
    )
    return write_export(place / "data", place / "export", decoder="L", d_model=8, ffn=8)


@pytest.fixture(scope="module")
def distilled(export: Path) -> Path:
    out = export.parent / "distilled"
    told: list[str] = []
    distilled_data(export, out, beam=2, tell=told.append)
    assert told == [f"{N_TRAIN} of {N_TRAIN} sentences to translate"]
    return out


def test_the_training_targets_are_the_teachers_translations(export: Path, distilled: Path):
    opened = open_export(export)
    before, after = load_task(str(export.parent / "data")), load_task(str(distilled))
    dictionary = after.corpus.tgt_dict
    for number in (0, 5, N_TRAIN - 1):
        batch = before.corpus.collator("train")(np.array([number]))
        (alone,) = decode(opened.model, batch, dictionary, beam=2, limit=LIMIT)
        assert dictionary.string(after.corpus.split("train").tgt[number]) == alone
        ours, theirs = (task.corpus.split("train").src[number] for task in (after, before))
        assert torch.equal(ours, theirs)


def test_all_but_the_training_targets_is_as_it_was(export: Path, distilled: Path):
    data = export.parent / "data"
    for name in Manifest.load(distilled).file_names():
        if not name.startswith("train.de-en.en"):
            assert (distilled / name).read_bytes() == (data / name).read_bytes()


def test_the_manifest_names_the_teacher(export: Path, distilled: Path):
    before, after = Manifest.load(export.parent / "data"), Manifest.load(distilled)
    assert after.teacher is not None
    assert after.teacher.encoder == "R1LR1L"
    assert after.teacher.beam == 2
    assert after.teacher.data_digest == before.digest != after.digest
    assert 0.0 <= after.teacher.score_valid < 100.0
    assert after.counts["train"].n_tokens_tgt == load_task(str(distilled)).n_epoch_tokens
    assert any("outputs of a model of encoder R1LR1L" in value for _, value in after.facts())


def test_overlap_and_repetitions_are_those_of_the_new_training_set(export: Path, distilled: Path):
    before = Manifest.load(export.parent / "data")
    task = load_task(str(distilled))
    pairs = {
        name: [
            (task.corpus.src_dict.string(src), task.corpus.tgt_dict.string(tgt))
            for src, tgt in zip(split.src, split.tgt, strict=True)
        ]
        for name in SPLITS
        for split in [task.corpus.split(name)]
    }
    losses = Manifest.load(distilled).losses
    assert before.losses is not None
    assert losses is not None
    assert losses.repeated == len(pairs["train"]) - len(set(pairs["train"]))
    for name in ("valid", "test"):
        found = losses.overlap[name]
        assert found.pairs == sum(pair in set(pairs["train"]) for pair in pairs[name])
        # The sources are those of before, and so is what was left out of them.
        assert found.sources == before.losses.overlap[name].sources
    assert losses.dropped == before.losses.dropped


def test_summaries_are_distilled_and_taught_too(tmp_path: Path):
    data, out = tmp_path / "data", tmp_path / "distilled"
    prepare(
        lambda: grammar_summaries(seed=3, n_train=N_TRAIN, n_valid=2, n_test=2),
        data,
        n_merges=20,
        joined_dictionary=True,
    )
    sizes = {"decoder": "L", "d_model": 8, "ffn": 8}
    teacher = write_export(data, tmp_path / "export", **sizes)
    manifest = distilled_data(teacher, out, beam=2, tell=lambda line: None)
    assert manifest.task == "summarisation"
    assert manifest.lengths == Manifest.load(data).lengths
    limit = manifest.lengths.summary
    targets = load_task(str(out)).corpus.split("train").tgt_sizes
    assert targets.max() <= limit + 1  # and the end
    trial = encoder_trial(out, seed=1, train={"distill": str(teacher)}, **sizes)
    trained = run_trial(trial, report=lambda point: None)
    assert trained.teacher_cost is not None


def test_an_export_can_teach_word_by_word_what_it_has_translated(export: Path, distilled: Path):
    trial = encoder_trial(distilled, seed=1, decoder="L", train={"distill": str(export)})
    assert candidate_size(trial).counts.total > 0


def test_an_interrupted_translation_is_gone_on_with(
    export: Path, distilled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(distillation, "BATCH_TOKENS", 60)
    translated: list[int] = []

    def interrupted_after(n_batches: int) -> Any:
        calls = iter(range(n_batches))

        def decoded(model: Any, batch: Any, *args: Any, **options: Any) -> list[str]:
            if next(calls, None) is None:
                raise KeyboardInterrupt
            translated.extend(batch["id"].tolist())
            return decode(model, batch, *args, **options)

        return decoded

    out = tmp_path / "new"
    monkeypatch.setattr(distillation, "decode", interrupted_after(2))
    with pytest.raises(KeyboardInterrupt):
        distilled_data(export, out, beam=2, tell=lambda line: None)
    assert not out.exists()
    monkeypatch.setattr(distillation, "decode", interrupted_after(100))
    distilled_data(export, out, beam=2, tell=lambda line: None)
    assert sorted(translated) == list(range(N_TRAIN))
    assert [path.name for path in tmp_path.iterdir()] == ["new"]
    name = "train.de-en.en.bin"
    assert (out / name).read_bytes() == (distilled / name).read_bytes()


def test_what_cannot_be_distilled_is_refused(
    export: Path, distilled: Path, kinds_export: Path, tmp_path: Path
):
    def refused(folder: Path, out: Path, fault: str) -> None:
        with pytest.raises(UserError, match=fault):
            distilled_data(folder, out, beam=2, tell=print)

    refused(kinds_export, tmp_path / "new", "was trained for the task 'classification'")
    refused(export, distilled, "is not empty; give a new folder")
    copy = Path(shutil.copytree(export, tmp_path / "copy"))
    config = (copy / "config.json").read_text()
    gone, other = tmp_path / "gone", distilled
    for data, fault in ((gone, "its data are needed, but"), (other, "was trained on other data")):
        (copy / "config.json").write_text(config.replace(str(export.parent / "data"), str(data)))
        refused(copy, tmp_path / "new", fault)
    assert not (tmp_path / "new").exists()
