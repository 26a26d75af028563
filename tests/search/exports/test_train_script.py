"""The script of an export that trains with fairseq: its words reach fairseq as they are."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from search.exports.train_script import left_out, train_script
from trainable.config import TrainConfig
from trainable.tasks.registry import load_task

# Prints its arguments, one a line, in the place of fairseq-train.
PRINTER = f"#!{sys.executable}\nimport sys\nprint(*sys.argv[1:], sep='\\n')\n"
NAMES = ["data", "da$(touch ran)ta", "da`touch ran`ta", 'a"b', "a'b", "a}b", "a b", "a\\b", "$HOME"]


def words_of(script: str, folder: Path, *given: str) -> list[str]:
    """What fairseq-train would be given by the script, run in ``folder``."""
    printer = folder / "fairseq-train"
    printer.write_text(PRINTER)
    printer.chmod(0o755)
    (folder / "python").symlink_to(sys.executable)
    (folder / "train.sh").write_text(script)
    path = f"{folder}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "train.sh", *given],
        cwd=folder,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize("name", NAMES)
def test_a_data_folder_of_any_name_reaches_fairseq_and_runs_nothing(tmp_path: Path, name: str):
    script = train_script([name, "--user-dir", "ours", "--save-dir", name, "--lr", "0.005"])
    data, option, user_dir, *rest = words_of(script, tmp_path)
    assert (data, option) == (f"{tmp_path}/{name}", "--user-dir")
    assert Path(user_dir).name == "trainable"
    assert rest == ["--save-dir", name, "--lr", "0.005"]
    assert not (tmp_path / "ran").exists()


def test_another_data_folder_and_more_options_can_be_given(tmp_path: Path):
    script = train_script(["data", "--user-dir", "ours", "--lr", "0.005"])
    data, *_, last = words_of(script, tmp_path, "other $(touch ran)", "--fp16")
    assert (data, last) == ("other $(touch ran)", "--fp16")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("data", ["kinds", "english", "small_grammar", "short"])
def test_label_smoothing_reaches_fairseq_or_is_said_to_be_left_out(
    data: str, request: pytest.FixtureRequest
):
    """fairseq's `sentence_prediction` and `masked_lm` have none; our losses apply it."""
    task = load_task(str(request.getfixturevalue(data)))
    smoothed = TrainConfig(label_smoothing=0.2)
    options = task.fairseq_options(smoothed)
    assert ("--label-smoothing" in options) == task.has_decoder
    notes = left_out(smoothed, [*options])
    assert [note for note in notes if "label smoothing of 0.2" in note] == notes
    assert bool(notes) != task.has_decoder
    assert not left_out(TrainConfig(label_smoothing=0.0), [*options])


def test_what_is_left_out_is_said_in_comments_that_run_nothing(tmp_path: Path):
    train = TrainConfig(init_from="/home/me/a\ntouch ran\n/export", distill="large/export")
    notes = left_out(train, ["data", "--label-smoothing", "0.1"])
    assert [note.partition(":")[0] for note in notes] == [
        "Starts from new weights",
        "Without its teacher",
    ]
    assert "/home" not in "".join(notes)
    script = train_script(["data", "--user-dir", "ours", "--lr", "0.005"], notes=notes)
    assert words_of(script, tmp_path)[-2:] == ["--lr", "0.005"]
    assert not (tmp_path / "ran").exists()
    assert "the encoder of a touch ran /export" in script
