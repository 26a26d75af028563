"""Lines of a ``trials.jsonl``: a record each, with a checksum."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from pydantic import ValidationError

from search.study.trial_record import TrialRecord
from spaces.faults import fault_lines
from trainable.config import TrialConfig

_CHECKSUM = re.compile(rb', "crc32": "([0-9a-f]{8})"\}')
_ID = re.compile(rb'\{"id": (\d{1,9}), ')


@dataclass(frozen=True, slots=True, kw_only=True)
class DamagedLine:
    """A line that is not a record, or that changed since it was written."""

    number: int  # from 1
    reason: str
    id: int | None  # of the trial, where it can still be read

    def __str__(self) -> str:
        return f"line {self.number} is not a trial ({self.reason})"


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerContents:
    """Contents of a ``trials.jsonl``, as far as it can be read."""

    records: Mapping[int, TrialRecord]  # last record of each trial, by id
    damaged: tuple[DamagedLine, ...] = ()
    torn: int | None = None  # number of a last line that a crash cut short


def record_line(record: TrialRecord) -> bytes:
    """The record as JSON; the last key, ``crc32``, is the checksum of the JSON without it."""
    line = json.dumps(record.to_dict()).encode()
    return line[:-1] + f', "crc32": "{crc32(line):08x}"}}'.encode()


def read_contents(path: Path) -> LedgerContents:
    """Contents of the file at ``path``, which may be absent.

    The last line may be cut short by a crash, before its end of line; it is left out.
    """
    records: dict[int, TrialRecord] = {}
    damaged = []
    torn = None
    lines = path.read_bytes().split(b"\n") if path.exists() else []
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        try:
            record = TrialRecord.from_json(line)
        except ValidationError as error:
            if error.errors()[0]["type"] == "json_invalid" and number == len(lines):
                torn = number
                continue
            reason: str | None = fault_lines(error, TrialConfig)[0]
        else:
            reason = _fault_of_checksum(line)
        if reason is None:
            records[record.id] = record
        else:
            found = _ID.match(line)
            id_ = None if found is None else int(found[1])
            damaged.append(DamagedLine(number=number, reason=reason, id=id_))
    return LedgerContents(records=records, damaged=tuple(damaged), torn=torn)


def _fault_of_checksum(line: bytes) -> str | None:
    """Reason why a line's checksum refuses it; lines of earlier versions have none."""
    if b'"crc32"' not in line:
        return None
    at = len(line) - len(', "crc32": "00000000"}')
    found = _CHECKSUM.fullmatch(line, at) if at > 0 else None
    if found is not None and crc32(line[:at] + b"}") == int(found[1], 16):
        return None
    return "it changed since it was written, by its crc32; if by you, remove that key"
