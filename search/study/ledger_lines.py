"""Lines of a ``trials.jsonl``: a record each, with a checksum."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from pydantic import ValidationError

from search.study.trial_record import TrialRecord
from spaces.candidate import present_key
from spaces.faults import fault_lines
from trainable.config import TrialConfig

MAX_LINE_BYTES = 2 * 2**20  # a curve of 10,000 points; parsing takes a few hundred times a line

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
            record = _read(line)
            records[record.id] = record
        except ValidationError as error:
            if error.errors()[0]["type"] == "json_invalid" and number == len(lines):
                torn = number
            else:
                damaged.append(_damaged(number, line, fault_lines(error, TrialConfig)[0]))
        except _ChangedLineError as error:
            damaged.append(_damaged(number, line, str(error)))
    return LedgerContents(records=records, damaged=tuple(damaged), torn=torn)


class _ChangedLineError(Exception):
    """Error: a line that no version of ours wrote as it is now."""


def _read(line: bytes) -> TrialRecord:
    """Record of a line, with the key that its candidate has by now.

    Raises:
        ValidationError: the line is no record.
        _ChangedLineError: it is too long, or its checksum is another one.
    """
    if len(line) > MAX_LINE_BYTES:
        raise _ChangedLineError(f"it has {len(line)} bytes; no trial of ours has")
    record = TrialRecord.from_json(line)
    if not _has_its_checksum(line):
        raise _ChangedLineError(
            "it changed since it was written, by its crc32; if by you, remove that key"
        )
    return dataclasses.replace(record, key=present_key(record.key))


def _damaged(number: int, line: bytes, reason: str) -> DamagedLine:
    found = _ID.match(line)
    return DamagedLine(number=number, reason=reason, id=None if found is None else int(found[1]))


def _has_its_checksum(line: bytes) -> bool:
    """True if the line's checksum is right; lines of earlier versions have none."""
    if b'"crc32"' not in line:
        return True
    at = len(line) - len(', "crc32": "00000000"}')
    found = _CHECKSUM.fullmatch(line, at) if at > 0 else None
    return found is not None and crc32(line[:at] + b"}") == int(found[1], 16)
