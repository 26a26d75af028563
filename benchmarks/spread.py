"""A figure that was measured several times: its median and its range."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

DIGITS = 4  # significant digits; a quiet machine repeats itself to three


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The median of some measurements, between the lowest and the highest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        """Spread of at least one value."""
        ordered = sorted(values)
        return cls(median=statistics.median(ordered), low=ordered[0], high=ordered[-1])

    def __str__(self) -> str:
        return f"{figure(self.median)} ({figure(self.low)} to {figure(self.high)})"


def ratio(of: Iterable[float], to: Iterable[float]) -> Spread:
    """Ratios of the measurements of two series, round by round."""
    return Spread.of(a / b for a, b in zip(of, to, strict=True))


def figure(value: float) -> str:
    """``value`` with the digits that mean something, without an exponent."""
    if value == 0:
        return "0"
    rounded = float(f"{value:.{DIGITS}g}")
    return f"{rounded:,.0f}" if abs(rounded) >= 10**DIGITS else f"{rounded:.10g}"
