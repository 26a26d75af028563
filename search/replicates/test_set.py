"""The score of a trained trial on the test set, measured once and kept."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from pydantic import AliasChoices, Field, TypeAdapter

from search.exports.full_evaluation import full_scores, trained_model
from search.study.errors import WorkFailed
from search.study.folder import StudyFolder
from search.study.kept_weights import best_weights
from search.study.storage import study_storage
from search.study.trial_record import TrialRecord
from trainable.atomic import write_atomically
from trainable.curve import OLD_SCORE
from trainable.metrics.metric import PairedBootstrap
from trainable.tasks.registry import load_task

_OLD_OUTPUTS = Field(validation_alias=AliasChoices("outputs", "translations"))


@dataclass(frozen=True, slots=True, kw_only=True)
class TestScore:
    """A trial's outputs for the whole test set, by its best weights."""

    __test__ = False  # no test for pytest to collect

    score: Annotated[float, OLD_SCORE]
    signature: str
    outputs: Annotated[list[str], _OLD_OUTPUTS]


def test_score(folder: StudyFolder, record: TrialRecord) -> TestScore:
    """The score of a completed trial; computed at the first call, then read.

    Raises:
        WorkFailed: the trial's weights are not there any more.
    """
    path = _place(folder, record)
    if path.is_file():
        return _TEST_SCORE.validate_json(path.read_bytes())
    score = _measure(folder, record)
    path.parent.mkdir(exist_ok=True)
    write_atomically(path, json.dumps(asdict(score), ensure_ascii=False))
    return score


def paired_bootstrap(folder: StudyFolder, score: TestScore, baseline: TestScore) -> PairedBootstrap:
    """Whether ``score`` is another than ``baseline``, by the metric's own test."""
    task = load_task(folder.data())
    return task.metric.paired_bootstrap(score.outputs, baseline.outputs, task.references("test"))


def _place(folder: StudyFolder, record: TrialRecord) -> Path:
    return folder.path / "test" / f"trial-{record.id:04d}.json"


def _measure(folder: StudyFolder, record: TrialRecord) -> TestScore:
    kept = best_weights(study_storage(folder), record)
    if kept is None:
        raise WorkFailed(f"{folder.path}: the weights of trial {record.id} are gone")
    task = load_task(folder.data())
    model = trained_model(record.config, task, kept[0])
    scores = full_scores(model, task, record.config, "test")
    return TestScore(score=scores.score, signature=scores.signature, outputs=list(scores.outputs))


_TEST_SCORE = TypeAdapter(TestScore)
