"""The trials of a study: in memory while it runs, in ``trials.jsonl`` for good."""

from __future__ import annotations

import dataclasses
import json
import os
import threading
from pathlib import Path
from typing import Any

from search.study_folder import write_atomically
from search.trial_record import TrialRecord


class Ledger:
    """All trials of a study, by id.

    The file takes one line a change, the last line of a trial counts, and ``compact``
    leaves one line a trial. A line that a crash cut short is dropped on reading: the one
    before it, and the trial's checkpoint, tell what is needed to go on.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()  # the tracking thread notes MLflow's run ids
        self._records = read_records(path)
        if path.exists():
            self.compact()

    def __getstate__(self) -> dict[str, Any]:
        # Tune snapshots whoever holds a ledger; a resumed study reads the file instead.
        return {}

    @property
    def records(self) -> list[TrialRecord]:
        """All trials in order of id."""
        return [self._records[id_] for id_ in sorted(self._records)]

    def __getitem__(self, id_: int) -> TrialRecord:
        return self._records[id_]

    def find(self, key: str) -> TrialRecord | None:
        """The trial of the candidate ``key``."""
        return next((record for record in self._records.values() if record.key == key), None)

    @property
    def next_id(self) -> int:
        return max(self._records, default=-1) + 1

    def put(self, record: TrialRecord) -> None:
        """Remember ``record`` and write it down."""
        with self._lock, self._path.open("a", encoding="utf-8") as file:
            self._records[record.id] = record
            file.write(json.dumps(record.to_dict()) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def update(self, id_: int, **changes: Any) -> TrialRecord:
        """Change fields of a trial and write it down."""
        with self._lock:
            record = dataclasses.replace(self._records[id_], **changes)
            self.put(record)
            return record

    def change(self, id_: int, **changes: Any) -> TrialRecord:
        """Change fields of a trial in memory alone, until it is put."""
        with self._lock:
            self._records[id_] = dataclasses.replace(self._records[id_], **changes)
            return self._records[id_]

    def close(self) -> None:
        """Leave the file in order: one line a trial."""
        self.compact()

    def compact(self) -> None:
        """Leave one line a trial in the file."""
        with self._lock:
            lines = [json.dumps(record.to_dict()) + "\n" for record in self.records]
            write_atomically(self._path, "".join(lines))


def read_records(path: Path) -> dict[int, TrialRecord]:
    """The last state of each trial in a ``trials.jsonl``; none where there is no file."""
    records: dict[int, TrialRecord] = {}
    if not path.exists():
        return records
    for line in path.read_text(encoding="utf-8").split("\n"):
        try:
            values = json.loads(line)
        except ValueError:
            continue  # empty, or cut short by a crash
        record = TrialRecord.from_dict(values)
        records[record.id] = record
    return records


def sorted_records(path: Path) -> list[TrialRecord]:
    """The records in a ``trials.jsonl``, in order of id."""
    return [record for _, record in sorted(read_records(path).items())]
