"""The trials of a study: in memory while it runs, in ``trials.jsonl`` for good."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from search.study.config import StudyConfig
from search.study.folder import mend_command
from search.study.ledger_lines import read_contents, record_line
from search.study.trial_record import TrialRecord
from spaces.errors import UserError
from trainable.atomic import append_line, write_atomically


class Ledger:
    """All trials of a study, by id.

    The file takes one line a change, the last line of a trial counts, and ``compact``
    leaves one line a trial. A last line that a crash cut short is dropped on reading: the
    trial's line before it, and its checkpoint, hold all that is needed to resume.

    Args:
        records: what the file holds, by id.
    """

    def __init__(self, path: Path, records: Mapping[int, TrialRecord]) -> None:
        self._path = path
        self._lock = threading.RLock()  # the tracking thread adds MLflow's run ids
        self._unwritten: dict[int, TrialRecord] = {}  # as the file has them; newer in memory
        self._records = dict(records)
        self._ids: dict[str, int] = {}  # by the candidate's key
        for record in self._records.values():
            self._ids.setdefault(record.key, record.id)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Ledger of the file at ``path``, which is not changed and may be absent.

        Raises:
            UserError: a line is not a trial.
        """
        return cls(path, read_records(path))

    @classmethod
    @contextmanager
    def in_order(cls, path: Path) -> Iterator[Self]:
        """Ledger for a writer: the file is compacted at the beginning and at the end.

        Raises:
            UserError: a line is not a trial.
        """
        ledger = cls.open(path)
        if path.exists():
            ledger.compact()
        try:
            yield ledger
        finally:
            ledger.compact()

    def __getstate__(self) -> dict[str, Any]:
        # Tune pickles the objects that hold a ledger; a resumed study reads the file instead.
        return {}

    @property
    def records(self) -> list[TrialRecord]:
        """All trials in order of id."""
        return [self._records[id_] for id_ in sorted(self._records)]

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, id_: int) -> TrialRecord:
        return self._records[id_]

    def find(self, key: str) -> TrialRecord | None:
        """First trial of the candidate ``key``; None if there is none."""
        id_ = self._ids.get(key)
        return None if id_ is None else self._records[id_]

    @property
    def n_trained(self) -> int:
        """Number of the search's trials that gave a verdict on their layout; failed ones gave none.

        References are trained beside the search, and counted apart.
        """
        return sum(r.is_trained and r.reference is None for r in self._records.values())

    @property
    def n_searched(self) -> int:
        """Number of trials that count for ``search.n_trials``: all but references."""
        return n_searched(self._records.values())

    @property
    def next_id(self) -> int:
        return max(self._records, default=-1) + 1

    def put(self, record: TrialRecord) -> None:
        """Keep ``record`` and append it to the file."""
        line = record_line(record)
        with self._lock:
            self._records[record.id] = record
            self._ids.setdefault(record.key, record.id)
            append_line(self._path, line)
            self._unwritten.pop(record.id, None)

    def update(self, id_: int, **changes: Any) -> TrialRecord:
        """Change fields of a trial and append it to the file."""
        with self._lock:
            record = dataclasses.replace(self._records[id_], **changes)
            self.put(record)
            return record

    def update_in_memory(self, id_: int, **changes: Any) -> TrialRecord:
        """Change fields of a trial in memory only, until ``write_down`` or ``put``."""
        with self._lock:
            self._unwritten.setdefault(id_, self._records[id_])
            self._records[id_] = dataclasses.replace(self._records[id_], **changes)
            return self._records[id_]

    def note_run(self, id_: int, mlflow_run_id: str) -> None:
        """Keep the id of a trial's MLflow run; other changes in memory stay unwritten."""
        with self._lock:
            is_written = id_ not in self._unwritten
            self.update_in_memory(id_, mlflow_run_id=mlflow_run_id)
            if is_written:
                self.write_down(id_)

    @property
    def has_unsaved_ends(self) -> bool:
        """True while a trial has ended in memory only: its last checkpoint is being saved."""
        with self._lock:
            return any(self._records[id_].state != "running" for id_ in self._unwritten)

    def write_down(self, id_: int) -> TrialRecord:
        """Append a trial to the file if it has changes in memory only."""
        with self._lock:
            if id_ in self._unwritten:
                self.put(self._records[id_])
            return self._records[id_]

    def compact(self) -> None:
        """Rewrite the file with one line per trial; changes in memory only stay out of it."""
        with self._lock:
            written = [self._unwritten.get(record.id, record) for record in self.records]
            lines = [record_line(record) + b"\n" for record in written]
            write_atomically(self._path, b"".join(lines))


def n_searched(records: Iterable[TrialRecord]) -> int:
    """Number of trials that count for ``search.n_trials``: all but references."""
    return sum(record.reference is None for record in records)


def n_unbegun(config: StudyConfig, records: Collection[TrialRecord]) -> int:
    """Most trials that the search itself may still begin; references are left out."""
    left = config.search.n_trials - n_searched(records)
    if left > 0 and (size := config.space.size()) is not None:
        left = min(left, size.n_candidates - sum(record.is_of_the_space for record in records))
    return max(0, left)


def read_records(path: Path) -> dict[int, TrialRecord]:
    """Last record of each trial in a ``trials.jsonl``, by id; empty where there is no file.

    The file's last line may be cut short by a crash, before its end of line; it is skipped.

    Raises:
        UserError: another line is not a trial, or it changed since it was written.
    """
    contents = read_contents(path)
    for line in contents.damaged:
        raise UserError(
            f"{path}: {line}; rebuild it with: {mend_command(path.parent)}; or restore the file "
            "from a copy, or delete the line, and its trial is as an earlier line has it"
        )
    return dict(contents.records)


def sorted_records(path: Path) -> list[TrialRecord]:
    """Last record of each trial in a ``trials.jsonl``, in order of id.

    Raises:
        UserError: a line is not a trial.
    """
    return [record for _, record in sorted(read_records(path).items())]
