"""Records that ``trials.jsonl`` lost, made again from MLflow, Optuna and the checkpoints."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf

from mlflow.entities import Run
from mlflow.tracking import MlflowClient
from optuna.trial import FrozenTrial, TrialState

from search.doctor.suggestions import differences
from search.doctor.trials import derived_fields, record_faults
from search.study.bounds import is_within, size_excess
from search.study.config import StudyConfig
from search.study.kept_weights import best_weights
from search.study.references import deletion_of_trial, model0_candidates
from search.study.storage import Storage
from search.study.trained_candidate import candidate_of
from search.study.trial_record import TrialRecord
from search.suggest.optuna_journal import ReadJournal
from search.suggest.suggestion_marks import (
    DISCARDED,
    EARLIER,
    OUT_OF_BOUNDS,
    PROXY,
    REFERENCE,
    REPEATED,
    RETRIED,
)
from search.tracking.recorded_trial import recorded_trial, role_of
from search.tracking.trial_runs import params_of
from spaces.candidate import Candidate
from spaces.chooser import FixedChooser
from spaces.errors import UserError
from trainable.checkpoint import BrokenCheckpoint
from trainable.curve import Point
from trainable.model_size import candidate_size
from trainable.tasks.registry import metric_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Memories:
    """Records of a study that are left outside of ``trials.jsonl``."""

    config: StudyConfig
    data: str  # the prepared data that trials train on
    client: MlflowClient | None  # None where MLflow has no store yet
    runs: Mapping[int, Sequence[Run]]  # by trial id
    journal: ReadJournal
    storage: Storage
    stored: Collection[int]  # ids of the trials with weights in storage

    def suggestion(self, number: int | None) -> FrozenTrial | None:
        """Suggestion ``number`` if it is that of a trial and not written off."""
        trials = self.journal.trials
        if number is None or number >= len(trials) or number in self.journal.lost:
            return None
        marks = {REPEATED, OUT_OF_BOUNDS, DISCARDED, EARLIER}
        return None if marks & trials[number].user_attrs.keys() else trials[number]

    def suggestions(self) -> Iterator[FrozenTrial]:
        """Suggestions of trials."""
        for number in range(len(self.journal.trials)):
            if (trial := self.suggestion(number)) is not None:
                yield trial


def corrected(records: Mapping[int, TrialRecord], memories: Memories) -> dict[int, TrialRecord]:
    """Trials that Optuna and MLflow know otherwise, as those two have them."""
    doubtful = [record for record in records.values() if _is_doubtful(record, memories)]
    found = {record.id: _from_mlflow(record.id, records, memories) for record in doubtful}
    return {
        id_: record
        for id_, record in found.items()
        if record is not None and _agrees(record, memories, is_needed=True)
    }


def missing(
    records: Mapping[int, TrialRecord], damaged: Collection[int], memories: Memories
) -> dict[int, TrialRecord]:
    """Trials that are not in ``records`` and can be made again.

    Args:
        damaged: ids of trials of which a line is damaged.
    """
    known = dict(records)
    for id_ in sorted(memories.runs.keys() - known.keys()):  # their candidates have names there
        record = _from_mlflow(id_, known, memories) or _begun(id_, known, memories)
        if record is not None and _agrees(record, memories, is_needed=False):
            known[id_] = record
    # Trials are numbered without gaps, and each has a suggestion.
    n_at_most = len(memories.journal.trials) + len(known)
    ids = [id_ for id_ in {*known, *damaged, *memories.stored} if id_ < n_at_most]
    lost = [id_ for id_ in range(max(ids, default=-1) + 1) if id_ not in known]
    for id_, trial in _by_order(lost, known, memories):
        record = _of_suggestion(id_, trial, memories)
        if record is not None:
            known[id_] = record
    return {id_: record for id_, record in sorted(known.items()) if id_ not in records}


def _is_doubtful(record: TrialRecord, memories: Memories) -> bool:
    trial = memories.suggestion(record.optuna_number)
    if record_faults(record, memories.config):
        return True
    if trial is None or not trial.state.is_finished():
        return False
    return record.state == "running" or bool(differences(trial, record, memories.config))


def _agrees(record: TrialRecord, memories: Memories, *, is_needed: bool) -> bool:
    """True if Optuna has the same outcome; where it has none, if that ``is_needed`` is not."""
    trial = memories.suggestion(record.optuna_number)
    if record_faults(record, memories.config):
        return False
    if not record.is_of_the_space:  # Optuna does not know of it
        return True
    if trial is None:
        return not is_needed
    if record.state == "running" or not trial.state.is_finished():
        return record.state == "running" and not trial.state.is_finished()
    return not differences(trial, record, memories.config)


def _from_mlflow(
    id_: int, known: Mapping[int, TrialRecord], memories: Memories
) -> TrialRecord | None:
    """Ended trial of an MLflow run, with the suggestion of the same candidate."""
    for run in memories.runs.get(id_, ()):
        assert memories.client is not None
        record = recorded_trial(
            memories.client, run, id_=id_, space=memories.config.space, optuna_number=-1
        )
        if record is not None:
            keys = {_key(trial, memories): trial.number for trial in memories.suggestions()}
            number = keys.get(record.key)
            if number is None and _may_be_of_the_space(record, memories.config):
                number = _unused_number(id_, known, memories)
            return dataclasses.replace(record, optuna_number=number)
    return None


def _may_be_of_the_space(record: TrialRecord, config: StudyConfig) -> bool:
    """False for a reference that the study could not train as a trial of its own."""
    if record.reference is None:
        return True
    try:
        config.space.encode(candidate_of(record.config, config.space))
    except UserError:
        return False
    return is_within(size_excess(config.objective, record.n_mparams))


def _unused_number(id_: int, known: Mapping[int, TrialRecord], memories: Memories) -> int:
    """Number for a trial whose suggestion Optuna lost; in order, if that one is unused."""
    before = known[id_].optuna_number if id_ in known else None
    if before is not None:
        return before
    numbers = _numbers(known.values())
    used = {*numbers.values(), *range(len(memories.journal.trials))}
    following = 1 + max((number for other, number in numbers.items() if other < id_), default=-1)
    return following if following not in used else 1 + max(used)


def _numbers(records: Iterable[TrialRecord]) -> dict[int, int]:
    """Numbers of the suggestions behind ``records``, by trial id."""
    return {r.id: r.optuna_number for r in records if r.optuna_number is not None}


def _begun(id_: int, known: Mapping[int, TrialRecord], memories: Memories) -> TrialRecord | None:
    """Interrupted trial of an MLflow run, with the suggestion that has the run's parameters."""
    for run in memories.runs.get(id_, ()):
        for trial in _free_suggestions(known, memories):
            record = _of_suggestion(id_, trial, memories)
            if record is not None and params_of(record).items() <= run.data.params.items():
                return dataclasses.replace(record, mlflow_run_id=str(run.info.run_id))
        reference = _begun_reference(id_, run, known, memories)
        if reference is not None:
            return reference
    return None


def _begun_reference(
    id_: int, run: Run, known: Mapping[int, TrialRecord], memories: Memories
) -> TrialRecord | None:
    """Interrupted reference of an MLflow run that Optuna does not know of."""
    config, role = memories.config, role_of(run)
    if role is None:
        return None
    candidates = model0_candidates(config)
    if role == "deletion":
        deletions = (deletion_of_trial(config, record) for record in known.values())
        candidates = [candidate for candidate in deletions if candidate is not None]
    for candidate in candidates:
        record = dataclasses.replace(
            _unstarted(id_, candidate, memories), reference=role, mlflow_run_id=run.info.run_id
        )
        if params_of(record) == run.data.params:
            record = dataclasses.replace(record, curve=stored_curve(record, memories.storage))
            derived = derived_fields(record, config)
            return dataclasses.replace(record, **derived)
    return None


def _by_order(
    ids: Sequence[int], known: Mapping[int, TrialRecord], memories: Memories
) -> Iterator[tuple[int, FrozenTrial]]:
    """Lost trials with their suggestions, where the order of both leaves no choice.

    Ids and suggestions rise together, but for trials that were trained again; a gap of as many
    ids as suggestions is filled in order. A failed suggestion may never have become a trial.
    """
    again = _trained_again(memories)
    first = {id_: number for id_, number in _numbers(known.values()).items() if id_ not in again}
    gaps: dict[tuple[float, float], list[int]] = defaultdict(list)
    for id_ in ids:
        if id_ in again:
            yield id_, again[id_]
        else:
            before = max((number for other, number in first.items() if other < id_), default=-1)
            after = min((number for other, number in first.items() if other > id_), default=inf)
            gaps[before, after].append(id_)
    for (low, high), lost in gaps.items():
        free = [
            trial
            for trial in _free_suggestions(known, memories)
            if low < trial.number < high and RETRIED not in trial.user_attrs
        ]
        pools = free, [trial for trial in free if trial.state is not TrialState.FAIL]
        fitting = next((pool for pool in pools if len(pool) == len(lost)), [])
        yield from zip(lost, fitting, strict=bool(fitting))


def _trained_again(memories: Memories) -> dict[int, FrozenTrial]:
    """Last suggestions of the failed trials that were trained again, by trial id."""
    trials = [trial for trial in memories.suggestions() if RETRIED in trial.user_attrs]
    return {trial.user_attrs[RETRIED]: trial for trial in trials}


def _free_suggestions(known: Mapping[int, TrialRecord], memories: Memories) -> list[FrozenTrial]:
    """Suggestions without a trial; those of trials that were trained again name theirs."""
    taken = {record.optuna_number for record in known.values()}
    again = {_key(trial, memories) for trial in _trained_again(memories).values()}
    return [
        trial
        for trial in memories.suggestions()
        if trial.number not in taken
        and (trial.state is not TrialState.FAIL or _key(trial, memories) not in again)
    ]


def _of_suggestion(id_: int, trial: FrozenTrial, memories: Memories) -> TrialRecord | None:
    """The trial that the suggestion began, with the curve of its stored weights.

    Returns:
        A running trial, or a completed one where its value is the one in Optuna; None if the
        trial ended otherwise.
    """
    record = _new_record(id_, trial, memories)
    if record is None:
        return None
    record = dataclasses.replace(record, curve=stored_curve(record, memories.storage))
    if trial.state is TrialState.COMPLETE:
        record = dataclasses.replace(record, state="completed")
    if record.curve:
        record = dataclasses.replace(record, **derived_fields(record, memories.config))
    return record if _agrees(record, memories, is_needed=True) else None


def _new_record(id_: int, trial: FrozenTrial, memories: Memories) -> TrialRecord | None:
    """The suggestion's trial as it was before its training; see ``StudyTrials``."""
    try:
        candidate = memories.config.space.choose(FixedChooser(trial.params))
    except UserError:
        return None  # a part of the point is lost
    proxy = trial.user_attrs.get(PROXY)
    return dataclasses.replace(
        _unstarted(id_, candidate, memories),
        optuna_number=trial.number,
        proxy=None if proxy is None else proxy["value"],
        reference=trial.user_attrs.get(REFERENCE),
    )


def _unstarted(id_: int, candidate: Candidate, memories: Memories) -> TrialRecord:
    """A candidate's trial before its training, that no suggestion stands for."""
    config = memories.config.trial(candidate, data=memories.data)
    return TrialRecord(
        id=id_,
        key=candidate.key,
        layout=candidate.encoder,
        config=config,
        counts=candidate_size(config).counts,
        optuna_number=None,
        metric=metric_of(memories.data).name,
    )


def stored_curve(record: TrialRecord, storage: Storage) -> tuple[Point, ...]:
    """Curve of a trial's stored weights; empty where they are gone or damaged."""
    try:
        kept = best_weights(storage, record)
    except BrokenCheckpoint:
        return ()
    return () if kept is None else kept[1]


def _key(trial: FrozenTrial, memories: Memories) -> str | None:
    try:
        return memories.config.space.choose(FixedChooser(trial.params)).key
    except UserError:
        return None
