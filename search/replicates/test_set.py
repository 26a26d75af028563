"""The score of a trained trial on the test set, measured once and kept."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from pydantic import AliasChoices, Field, TypeAdapter, ValidationError

from search.exports.full_evaluation import full_scores, trained_model
from search.study.errors import WorkFailed
from search.study.folder import StudyFolder
from search.study.kept_weights import best_weights
from search.study.storage import study_storage
from search.study.trial_record import TrialRecord
from spaces.errors import UserError
from spaces.faults import fault_lines
from trainable.atomic import write_atomically
from trainable.checkpoint import BrokenCheckpoint
from trainable.curve import OLD_SCORE
from trainable.metrics.metric import PairedBootstrap
from trainable.tasks.registry import load_task

_OLD_OUTPUTS = Field(validation_alias=AliasChoices("outputs", "translations"))


class WeightsGone(WorkFailed):
    """The weights of a trial are not in its study's storage, as in a study that was fetched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TestScore:
    """Score and outputs of a trial's best weights on the whole test set."""

    __test__ = False  # tells pytest that this is not a test

    score: Annotated[float, OLD_SCORE]
    signature: str
    outputs: Annotated[list[str], _OLD_OUTPUTS]


def test_score(folder: StudyFolder, record: TrialRecord) -> TestScore:
    """Test score of a completed trial; computed at the first call, then read from its file.

    Raises:
        WeightsGone: the trial's weights are gone.
        WorkFailed: they are damaged.
        UserError: the file of an earlier call is damaged.
    """
    known = known_test_score(folder, record)
    if known is not None:
        return known
    score = _measure(folder, record)
    path = _place(folder, record)
    path.parent.mkdir(exist_ok=True)
    write_atomically(path, json.dumps(asdict(score), ensure_ascii=False))
    return score


def known_test_score(folder: StudyFolder, record: TrialRecord) -> TestScore | None:
    """Test score of a trial from its file; None before it was computed.

    Raises:
        UserError: the file is damaged.
    """
    path = _place(folder, record)
    if not path.is_file():
        return None
    try:
        return _TEST_SCORE.validate_json(path.read_bytes())
    except ValidationError as error:
        reason = fault_lines(error, TestScore)[0]
        raise UserError(
            f"{path}: is damaged ({reason}); delete it, and the trial is tested again"
        ) from error


def paired_bootstrap(folder: StudyFolder, score: TestScore, baseline: TestScore) -> PairedBootstrap:
    """Paired bootstrap test of ``score`` against ``baseline``, by the metric's own method."""
    task = load_task(folder.data())
    return task.metric.paired_bootstrap(score.outputs, baseline.outputs, task.references("test"))


def _place(folder: StudyFolder, record: TrialRecord) -> Path:
    return folder.path / "test" / f"trial-{record.id:04d}.json"


def _measure(folder: StudyFolder, record: TrialRecord) -> TestScore:
    try:
        kept = best_weights(study_storage(folder), record)
    except BrokenCheckpoint as error:
        raise WorkFailed(
            f"the weights of trial {record.id} are damaged: {error}; restore them from a copy"
        ) from error
    if kept is None:
        raise WeightsGone(f"{folder.path}: the weights of trial {record.id} are gone")
    task = load_task(folder.data())
    model = trained_model(record.config, task, kept[0])
    scores = full_scores(model, task, record.config, "test")
    return TestScore(score=scores.score, signature=scores.signature, outputs=list(scores.outputs))


_TEST_SCORE = TypeAdapter(TestScore)
