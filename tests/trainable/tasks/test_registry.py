"""A task is found by the manifest of its data, and added by one line."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from spaces.errors import UserError
from trainable.data.manifest import Manifest
from trainable.tasks.registry import (
    TASKS,
    Registered,
    load_task,
    load_vocabulary,
    metric_called,
    metric_of,
)
from trainable.tasks.translation import Translation


@pytest.fixture
def copied(small_grammar: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(small_grammar, tmp_path / "data"))


def rewrite_manifest(folder: Path, **changes: str | None) -> None:
    """Change fields of the manifest; None takes one away."""
    path = folder / "manifest.json"
    values = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({k: v for k, v in values.items() if v is not None}))


@pytest.mark.parametrize("name", TASKS)
def test_a_task_is_registered_with_its_own_name_and_metric(name: str):
    module, attribute = TASKS[name].task.split(":")
    task = getattr(import_module(module), attribute)
    assert task.name == name
    assert metric_called(task.metric.name) is task.metric


def test_prepared_data_name_their_task(small_grammar: Path):
    assert json.loads((small_grammar / "manifest.json").read_text())["task"] == "translation"
    assert isinstance(load_task(str(small_grammar)), Translation)
    assert metric_of(str(small_grammar)).name == "BLEU"


def test_data_of_an_earlier_version_are_for_translation_and_equal_to_those_of_today(copied: Path):
    today = Manifest.load(copied).digest
    rewrite_manifest(copied, task=None)
    assert isinstance(load_task(str(copied)), Translation)
    assert Manifest.load(copied).digest == today


def test_another_task_makes_other_data(copied: Path):
    today = Manifest.load(copied).digest
    rewrite_manifest(copied, task="masked_lm")
    assert Manifest.load(copied).digest != today


def test_data_of_an_unknown_task_are_refused_by_its_name(copied: Path):
    rewrite_manifest(copied, task="chess")
    with pytest.raises(UserError, match=r"for the task 'chess', and there are translation, "):
        load_task(str(copied))


def test_a_vocabulary_needs_no_splits_and_a_task_does(copied: Path):
    for path in copied.glob("train.*"):
        path.unlink()
    assert load_vocabulary(str(copied)).vocabulary_files == (
        *("dict.de.txt", "dict.en.txt"),
        "bpe.codes",
    )
    with pytest.raises(UserError, match=r"train\..* is missing"):
        load_task(str(copied))


def test_one_line_adds_a_task(copied: Path, monkeypatch: pytest.MonkeyPatch):
    line = Registered(task=f"{__name__}:Reversal", metric=TASKS["translation"].metric)
    monkeypatch.setitem(sys.modules, __name__, sys.modules[Reversal.__module__])
    monkeypatch.setitem(TASKS, "reversal", line)  # type: ignore[arg-type]
    rewrite_manifest(copied, task="reversal")
    assert isinstance(load_task(str(copied)), Reversal)


class Reversal(Translation):
    """A task of the test's own."""

    name = "reversal"


def test_the_name_of_a_metric_is_found_without_torch():
    code = (
        "import sys; from trainable.tasks.registry import metric_called; "
        "print(metric_called('BLEU').name, 'torch' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["BLEU", "False"]
