"""The file of a trial table: JSON, one object a line, gzipped where its name ends in ``.gz``.

First the study and how it was recorded, then the trials.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import FailFast, ValidationError, model_validator

from search.replay.trial_table import RecordedTrial, TrialTable, recorded_settings
from search.study.config import study_from
from spaces.axes import ScalarValue
from spaces.candidate import Candidate
from spaces.counts import ParamCounts
from spaces.errors import UserError
from spaces.faults import faults_of
from spaces.layout_fields import DecoderLayout, EncoderLayout
from trainable.atomic import write_atomically
from trainable.config import PositiveFloat, PositiveInt, Section
from trainable.curve import OLD_SCORE, Point
from trainable.data.bounded import MAX_VALUES_BYTES, bounded_lines
from trainable.data.packed import opened

FORMAT = 1
# Unpacked size; a trial takes a kilobyte here, and a few in memory.
MAX_BYTES = 64 * 2**20
DIGITS = 6  # significant digits of a number; measured seconds repeat to fewer
_REMEDY = "a table file is made by: python -m benchmarks.record_table"

# The first fault of a column is enough: a line can hold half a million.
_Counted = Annotated[tuple[PositiveInt, ...], FailFast()]
_Measured = Annotated[tuple[float, ...], FailFast()]

S = TypeVar("S", bound=Section)


def read_table(path: Path) -> TrialTable:
    """Read a table file.

    Raises:
        UserError: the first fault of a file that cannot be read or is no table.
    """
    lines = _lines(path)
    header = _parse(_Header, next(lines, b""), f"{path}: line 1")
    trials = tuple(
        _parse(_Line, line, f"{path}: line {number}").trial()
        for number, line in enumerate(lines, start=2)
    )
    if not trials:
        raise UserError(f"{path}: the table holds no trial; record it again")
    study = study_from(header.study, str(path))
    return TrialTable(
        study=study,
        corpus=header.corpus,
        metric=header.metric,
        made=header.made,
        trials=trials,
    )


def write_table(table: TrialTable, path: Path) -> None:
    """Write a table file; numbers are rounded to ``DIGITS`` significant digits."""
    header = {
        "table": FORMAT,
        "study": recorded_settings(table.study),
        "corpus": table.corpus,
        "metric": table.metric,
        "made": dict(table.made),
    }
    rows = [header, *(_row(trial) for trial in table.trials)]
    text = "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)
    is_zipped = path.suffix == ".gz"
    write_atomically(path, gzip.compress(text.encode(), mtime=0) if is_zipped else text)


class _Header(Section):
    """The first line of a table file."""

    table: Literal[1]
    study: dict[str, Any]
    corpus: str
    metric: str = "BLEU"  # earlier versions wrote none
    made: dict[str, str]


class _Counts(Section):
    total: PositiveInt
    learned: PositiveInt
    stored: PositiveInt
    encoder: PositiveInt


class _Curve(Section):
    """The points of a curve, column by column."""

    updates: _Counted
    seconds: _Measured
    tokens: _Counted
    flops: _Measured
    score: Annotated[_Measured, OLD_SCORE]
    loss: _Measured
    train_loss: _Measured

    @model_validator(mode="after")
    def _is_a_curve(self) -> Self:
        if len({len(column) for column in self._columns()}) > 1 or not self.updates:
            raise ValueError("a curve has points, each with all seven readings")
        for clock in (self.updates, self.seconds, self.tokens, self.flops):
            if any(b <= a for a, b in zip((0, *clock), clock, strict=False)):
                raise ValueError("the clocks of a curve increase from 0")
        return self

    def _columns(self) -> list[tuple[float, ...]]:
        return [getattr(self, name) for name in type(self).model_fields]

    def points(self) -> tuple[Point, ...]:
        names = list(type(self).model_fields)
        rows = zip(*self._columns(), strict=True)
        return tuple(Point.from_dict(dict(zip(names, row, strict=True))) for row in rows)


class _Line(Section):
    """A trial in a table file."""

    encoder: EncoderLayout
    decoder: DecoderLayout
    gain: PositiveFloat
    hyper: dict[str, ScalarValue]
    seed: int
    counts: _Counts
    n_epochs: PositiveFloat
    peak_memory_bytes: PositiveInt
    curve: _Curve

    def trial(self) -> RecordedTrial:
        """The recorded trial of the line."""
        return RecordedTrial(
            candidate=Candidate(
                encoder=self.encoder,
                decoder=self.decoder,
                reservoir_gain=self.gain,
                hyper=self.hyper,
            ),
            seed=self.seed,
            counts=ParamCounts(**self.counts.model_dump()),
            curve=self.curve.points(),
            n_epochs=self.n_epochs,
            peak_memory_bytes=self.peak_memory_bytes,
        )


def _row(trial: RecordedTrial) -> dict[str, Any]:
    """A line of the file, as ``_Line`` reads it."""
    return {
        "encoder": str(trial.candidate.encoder.canonical()),
        "decoder": str(trial.candidate.decoder.canonical()),
        "gain": trial.candidate.reservoir_gain,
        "hyper": dict(trial.candidate.hyper),
        "seed": trial.seed,
        "counts": asdict(trial.counts),
        "n_epochs": _rounded(trial.n_epochs),
        "peak_memory_bytes": trial.peak_memory_bytes,
        "curve": {
            name: [_rounded(point.to_dict()[name]) for point in trial.curve]
            for name in _Curve.model_fields
        },
    }


def _rounded(value: float) -> float:
    """A count unchanged, another number with ``DIGITS`` significant digits."""
    return value if isinstance(value, int) else float(f"{value:.{DIGITS}g}")


def _lines(path: Path) -> Iterator[bytes]:
    with opened(path) as stream:
        yield from bounded_lines(
            stream, str(path), max_bytes=MAX_BYTES, max_line_bytes=MAX_VALUES_BYTES
        )


def _parse(kind: type[S], text: bytes, place: str) -> S:
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        first = faults_of(error, place, kind).split("\n")[0]
        raise UserError(f"{first}; {_REMEDY}") from error
