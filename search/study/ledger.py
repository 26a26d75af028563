"""The trials of a study: in memory while it runs, in ``trials.jsonl`` for good."""

from __future__ import annotations

import dataclasses
import json
import os
import threading
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from search.study.config import faults_of
from search.study.folder import write_atomically
from search.study.trial_record import TrialRecord
from spaces.errors import UserError


class Ledger:
    """All trials of a study, by id.

    The file takes one line a change, the last line of a trial counts, and ``compact``
    leaves one line a trial. A line that a crash cut short is dropped on reading: the one
    before it, and the trial's checkpoint, tell what is needed to go on.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()  # the tracking thread notes MLflow's run ids
        self._unwritten: set[int] = set()  # trials that were changed in memory alone
        self._records = read_records(path)
        self._ids: dict[str, int] = {}  # by the candidate's key
        for record in self._records.values():
            self._ids.setdefault(record.key, record.id)
        if path.exists():
            self.compact()

    def __getstate__(self) -> dict[str, Any]:
        # Tune snapshots whoever holds a ledger; a resumed study reads the file instead.
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
        """The trial of the candidate ``key``."""
        id_ = self._ids.get(key)
        return None if id_ is None else self._records[id_]

    @property
    def next_id(self) -> int:
        return max(self._records, default=-1) + 1

    def put(self, record: TrialRecord) -> None:
        """Remember ``record`` and write it down."""
        line = f"{json.dumps(record.to_dict())}\n".encode()
        with self._lock:
            self._records[record.id] = record
            self._ids.setdefault(record.key, record.id)
            _append(self._path, line)
            self._unwritten.discard(record.id)

    def update(self, id_: int, **changes: Any) -> TrialRecord:
        """Change fields of a trial and write it down."""
        with self._lock:
            record = dataclasses.replace(self._records[id_], **changes)
            self.put(record)
            return record

    def change(self, id_: int, **changes: Any) -> TrialRecord:
        """Change fields of a trial in memory alone, until it is written down."""
        with self._lock:
            self._records[id_] = dataclasses.replace(self._records[id_], **changes)
            self._unwritten.add(id_)
            return self._records[id_]

    def note_run(self, id_: int, mlflow_run_id: str) -> None:
        """Remember a trial's run in MLflow; what is in memory alone stays so."""
        with self._lock:
            is_written = id_ not in self._unwritten
            self.change(id_, mlflow_run_id=mlflow_run_id)
            if is_written:
                self.write_down(id_)

    def write_down(self, id_: int) -> TrialRecord:
        """Put what was changed in memory alone, if it was."""
        with self._lock:
            if id_ in self._unwritten:
                self.put(self._records[id_])
            return self._records[id_]

    def close(self) -> None:
        """Leave the file in order: one line a trial."""
        self.compact()

    def compact(self) -> None:
        """Leave one line a trial in the file."""
        with self._lock:
            lines = [json.dumps(record.to_dict()) + "\n" for record in self.records]
            write_atomically(self._path, "".join(lines))


def _append(path: Path, line: bytes) -> None:
    """Add a line at the end of a file, through the disk's cache, whole or not at all.

    On a full disk a part of it may be written: another line behind that would be lost too.
    """
    with path.open("ab", buffering=0) as file:
        end = file.tell()
        try:
            while line:
                line = line[file.write(line) :]
            os.fsync(file.fileno())
        except OSError:
            file.truncate(end)
            raise


def read_records(path: Path) -> dict[int, TrialRecord]:
    """The last state of each trial in a ``trials.jsonl``; none where there is no file.

    Raises:
        UserError: a line holds something else than a trial.
    """
    records: dict[int, TrialRecord] = {}
    lines = path.read_bytes().split(b"\n") if path.exists() else []
    for number, line in enumerate(lines, start=1):
        try:
            record = TrialRecord.from_json(line)
        except ValidationError as error:
            if error.errors()[0]["type"] in ("json_invalid", "dataclass_type"):
                continue  # empty, or cut short by a crash
            fault = faults_of(error, f"{path}: line {number}").split("\n")[0]
            raise UserError(f"{fault}; put a copy of the file back") from error
        records[record.id] = record
    return records


def sorted_records(path: Path) -> list[TrialRecord]:
    """The records in a ``trials.jsonl``, in order of id."""
    return [record for _, record in sorted(read_records(path).items())]
