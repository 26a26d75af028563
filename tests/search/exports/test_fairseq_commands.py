"""fairseq's own commands on exports: fine-tuning, translation, and the commands of the docs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from fairseq.models import BaseFairseqModel
from safetensors.torch import save_file

from search.exports.train_script import train_script
from search.exports.translate import CONFIG, WEIGHTS, Translator
from tests.encoder_exports import encoder_trial
from tests.search.command_line import environment
from trainable.checkpoint import learned_weights
from trainable.config import TrialConfig
from trainable.fairseq_checkpoint import fairseq_checkpoint
from trainable.fairseq_command import fairseq_train_arguments
from trainable.tasks.registry import load_task

ROOT = Path(__file__).parents[3]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def run(command: Sequence[str], folder: Path) -> str:
    """Output of a command that finds fairseq's programs and this repository."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment(PATH=path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def updates_of(checkpoint: Path) -> int:
    saved = torch.load(checkpoint, map_location="cpu", weights_only=True)
    return int(saved["optimizer_history"][-1]["num_updates"])


def write_fairseq_files(trial: TrialConfig, folder: Path) -> BaseFairseqModel:
    """Checkpoint and script of an export of an untrained model, which is returned."""
    task = load_task(trial.data)
    model = task.build_model(trial.model, seed=trial.seed)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.01)
    arguments = fairseq_train_arguments(trial, task, n_updates=8)
    checkpoint = fairseq_checkpoint(model, arguments=arguments, n_updates=8)
    torch.save(checkpoint, folder / "checkpoint.pt")
    (folder / "fairseq-train.sh").write_text(train_script(arguments))
    return model


def write_export(trial: TrialConfig, folder: Path) -> None:
    """Files of such an export that ``translate`` and fairseq read."""
    folder.mkdir(parents=True)
    task, model = load_task(trial.data), write_fairseq_files(trial, folder)
    save_file(learned_weights(model), folder / WEIGHTS)
    (folder / CONFIG).write_text(trial.model_dump_json())
    for name in (*task.vocabulary_files, "manifest.json"):
        shutil.copyfile(task.folder / name, folder / name)


@pytest.mark.parametrize("data", ["kinds", "english"])
def test_a_restored_export_is_fine_tuned_for_all_updates_that_are_asked_for(
    data: str, request: pytest.FixtureRequest, tmp_path: Path
):
    folder: Path = request.getfixturevalue(data)
    weights = write_fairseq_files(encoder_trial(folder, seed=7), tmp_path).state_dict()
    run(
        [
            *("bash", "fairseq-train.sh", str(folder), "--cpu", "--save-dir", "saved"),
            # Nothing is learned, so the weights are still the export's.
            *("--restore-file", "checkpoint.pt", "--max-update", "3", "--lr", "0"),
        ],
        tmp_path,
    )
    last = tmp_path / "saved/checkpoint_last.pt"
    assert updates_of(last) == 3
    saved = torch.load(last, map_location="cpu", weights_only=True)["model"]
    assert saved.keys() == weights.keys()
    assert all(torch.equal(saved[name], weights[name]) for name in weights)


def documented_commands() -> str:
    """The block of the docs with fairseq's commands on the quickstart's export."""
    blocks = [
        block
        for path in sorted((ROOT / "docs").rglob("*.md"))
        for block in re.findall(r"```\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)
        if "fairseq-interactive" in block
    ]
    assert len(blocks) == 1
    return str(blocks[0])


def test_the_commands_of_the_docs_do_what_they_say(tiny_trial: TrialConfig, tmp_path: Path):
    export = tmp_path / "studies/quickstart/export"
    write_export(tiny_trial, export)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/grammar").symlink_to(tiny_trial.data)
    out = run(["bash", "-ec", documented_commands()], tmp_path)
    hypotheses = re.findall(r"^D-\d+\t\S+\t(.*)$", out, re.MULTILINE)
    n_test = len((tmp_path / "data/grammar/test.raw.en").read_text().splitlines())
    ours = Translator(export).translate(["Der Hund schläft."], beam=5)
    assert hypotheses[n_test:] == list(ours)
    assert updates_of(tmp_path / "anew/checkpoint_last.pt") == tiny_trial.budget.updates
    assert updates_of(tmp_path / "fine-tuned/checkpoint_last.pt") == 100
