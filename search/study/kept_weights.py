"""Checkpoints in storage: of running trials, and the best weights of the best ended trials."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ray.tune import Checkpoint

from search.study.bounds import is_least_score_open
from search.study.ranking import pareto_front, ranked
from search.study.storage import Storage
from search.study.trial_record import TrialRecord
from trainable.atomic import sync_files
from trainable.checkpoint import (
    BEST_WEIGHTS,
    KEPT,
    BrokenCheckpoint,
    Weights,
    load_best,
    load_checkpoint,
)
from trainable.config import ObjectiveConfig
from trainable.curve import Point

logger = logging.getLogger(__name__)

N_KEPT_WEIGHTS = 3  # completed trials whose best weights stay in storage

_SESSION, _TRIAL, _CHECKPOINT = "session-", "trial-", "checkpoint_"  # Tune gives the last name


def trial_dirname(id_: int) -> str:
    """Name of a trial's folder, in the folder of each session that worked on it."""
    return f"{_TRIAL}{id_:04d}"


def next_session(storage: Storage) -> str:
    """Name of the next session: each driver starts a Tune experiment of its own."""
    before = [name for name in storage.folders() if name.startswith(_SESSION)]
    numbers = [int(name.removeprefix(_SESSION)) for name in before]
    return f"{_SESSION}{max(numbers, default=0) + 1:03d}"


def checkpoints_of(storage: Storage, record: TrialRecord) -> list[Storage]:
    """Checkpoints of a trial from all sessions, oldest first."""
    trials = [
        storage.below(session).below(trial_dirname(record.id))
        for session in storage.folders()
        if session.startswith(_SESSION)
    ]
    return [
        trial.below(name)
        for trial in trials
        for name in trial.folders()
        if name.startswith(_CHECKPOINT)
    ]


def remove_trial(storage: Storage, id_: int) -> None:
    """Remove a trial's folders from the storage, in all sessions."""
    for session in storage.folders():
        place = storage.below(session)
        if session.startswith(_SESSION) and trial_dirname(id_) in place.folders():
            place.below(trial_dirname(id_)).remove()


class KeptWeights:
    """Removes the checkpoints of ended trials, except the best weights of the best trials.

    The best trials are the first few of the ranking within the study's bounds, and the whole
    front of a ``pareto`` study. A trial that drops out never returns, so only the kept trials
    and the one that just ended are examined. While a bound is not known yet, all are kept.

    Args:
        storage: the study's checkpoints.
        objective: the study's ranking and bounds.
        records: the trials that are known at the start.
        n_kept: number of trials whose weights stay; those of all completed trials if None.
    """

    def __init__(
        self,
        storage: Storage,
        objective: ObjectiveConfig,
        records: Sequence[TrialRecord] = (),
        *,
        n_kept: int | None = N_KEPT_WEIGHTS,
    ) -> None:
        self._storage = storage
        self._objective = objective
        self._n_kept = n_kept
        self._records = {record.id: record for record in records}
        self._kept = worth_keeping(records, objective, n_kept=n_kept)

    def clean_up(self) -> None:
        """Remove the checkpoints that earlier drivers left of ended trials."""
        kept = {record.id for record in self._kept}
        with _log_storage_errors():
            for id_, checkpoints in stored_checkpoints(self._storage).items():
                if id_ in self._records and self._records[id_].state != "running":
                    _clean(checkpoints, is_kept=id_ in kept)

    def begin(self, record: TrialRecord) -> None:
        """Know of a trial that begins: bounds may wait for it."""
        self._records[record.id] = record

    def secure(self, record: TrialRecord) -> None:
        """Bring the weights of a trial to the disk, before its outcome is written.

        Tune copies checkpoints without syncing them: a power failure would leave empty files
        behind a trial that is recorded as completed. An object store needs no syncing.

        Args:
            record: the ended trial; nothing is done if its weights are not kept.

        Raises:
            OSError: the weights cannot be brought to the disk.
        """
        known = {**self._records, record.id: record}
        if self._storage.is_local and record in worth_keeping(
            list(known.values()), self._objective, n_kept=self._n_kept
        ):
            for checkpoint in checkpoints_of(self._storage, record)[-1:]:
                files = [Path(checkpoint.path, n) for n in checkpoint.files() if n in KEPT]
                sync_files(files, below=Path(self._storage.path))

    def newest_whole(self, record: TrialRecord) -> str | None:
        """Address of the newest whole checkpoint of a running trial; None if there is none.

        Raises:
            OSError: the storage cannot be read.
        """
        return latest_checkpoint(self._storage, record)

    def end(self, record: TrialRecord) -> None:
        """Clean up after a trial that ended, and after one that it replaces among the best."""
        before = [*self._kept, record]
        self._records[record.id] = record
        self._kept = worth_keeping(
            list(self._records.values()), self._objective, n_kept=self._n_kept
        )
        kept = {record.id for record in self._kept}
        for changed in before:
            if changed is record or changed.id not in kept:
                with _log_storage_errors():
                    checkpoints = checkpoints_of(self._storage, changed)
                    _clean(checkpoints, is_kept=changed.id in kept)


def worth_keeping(
    records: Sequence[TrialRecord],
    objective: ObjectiveConfig,
    *,
    n_kept: int | None = N_KEPT_WEIGHTS,
) -> list[TrialRecord]:
    """Ended trials whose weights are kept; all completed ones if ``n_kept`` is None.

    Args:
        records: all of the study's trials.
        objective: the study's ranking and bounds.
        n_kept: most trials of the ranking that are kept.
    """
    if n_kept is None or is_least_score_open(objective, records):
        return [record for record in records if record.state == "completed"]
    kept = {record.id: record for record in ranked(records, objective)[:n_kept]}
    if objective.is_pareto:
        kept |= {record.id: record for record in pareto_front(records, objective)}
    return list(kept.values())


def best_weights(storage: Storage, record: TrialRecord) -> tuple[Weights, tuple[Point, ...]] | None:
    """Best weights of a trial and the curve they lie on; None if they were not kept.

    Raises:
        BrokenCheckpoint: they are cut short or changed since they were written.
    """
    for checkpoint in reversed(checkpoints_of(storage, record)):
        if BEST_WEIGHTS in checkpoint.files():
            with _downloaded(checkpoint) as folder:
                return load_best(folder)
    return None


def latest_checkpoint(storage: Storage, record: TrialRecord) -> str | None:
    """Address of the newest whole checkpoint of an interrupted trial; None if there is none."""
    for checkpoint in reversed(checkpoints_of(storage, record)):
        try:
            with _downloaded(checkpoint) as folder:
                load_checkpoint(folder)
        except BrokenCheckpoint:
            continue
        return checkpoint.uri
    return None


@contextmanager
def _downloaded(checkpoint: Storage) -> Iterator[Path]:
    """The checkpoint as a folder on this machine."""
    stored = Checkpoint(checkpoint.path, checkpoint.filesystem)
    with stored.as_directory() as folder:
        yield Path(folder)


def stored_checkpoints(storage: Storage) -> dict[int, list[Storage]]:
    """Checkpoints of all trials by id, oldest first, from a single listing of the storage."""
    found = {
        names[:3]
        for names, _ in storage.everything()
        if len(names) >= 3
        and names[0].startswith(_SESSION)
        and names[1].startswith(_TRIAL)
        and names[2].startswith(_CHECKPOINT)
    }
    by_trial: dict[int, list[Storage]] = defaultdict(list)
    for session, trial, name in sorted(found):
        by_trial[int(trial.removeprefix(_TRIAL))].append(
            storage.below(session).below(trial).below(name)
        )
    return by_trial


def _clean(checkpoints: Sequence[Storage], *, is_kept: bool) -> None:
    """Remove a trial's checkpoints; if it is kept, the newest one's ``KEPT`` files stay."""
    newest = checkpoints[-1:] if is_kept else []
    for checkpoint in checkpoints:
        if checkpoint not in newest:
            checkpoint.remove()
    for checkpoint in newest:
        for name in checkpoint.files():
            if name not in KEPT:
                checkpoint.remove_file(name)


@contextmanager
def _log_storage_errors() -> Iterator[None]:
    """Log storage errors instead of ending the search; the next driver cleans up the rest."""
    try:
        yield
    except OSError as error:
        logger.warning("storage could not be cleaned up: %s", str(error).partition("\n")[0])
