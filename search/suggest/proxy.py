"""A cheap measure of untrained models, by which some suggestions are never trained."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import floor
from typing import Literal

from search.study.config import ProxyConfig
from trainable.config import TrialConfig

N_AT_FIRST = 8  # suggestions that are measured before any is discarded

Verdict = Literal["kept", "audited", "discarded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A suggestion's measure and the verdict on it."""

    key: str  # the candidate's
    value: float
    seconds: float  # time of the measurement
    verdict: Verdict


class Proxy:
    """Judges suggestions by the rank of their measure among all that were measured so far.

    Suggestions outside the better share ``keep`` are discarded. An evenly spread share
    ``audit`` of those is trained all the same: only these show what discarding loses.

    Args:
        measure: of a trial's model before training; None where it is no finite number.
    """

    def __init__(self, config: ProxyConfig, measure: Callable[[TrialConfig], float | None]) -> None:
        self._config = config
        self._measure = measure
        self._measured: list[Measured] = []

    @property
    def discarded(self) -> frozenset[str]:
        """The keys of the candidates that are not to be trained."""
        return frozenset(each.key for each in self._measured if each.verdict == "discarded")

    def find(self, key: str) -> Measured | None:
        """Earlier measurement of the candidate ``key``; None if there is none."""
        return next((each for each in self._measured if each.key == key), None)

    def remember(self, measured: Measured) -> None:
        """Add a measurement of an earlier driver; call it in the order of measuring."""
        self._measured.append(measured)

    def judge(self, config: TrialConfig, *, key: str, always_keep: bool) -> Measured | None:
        """Measure a candidate that was not measured before; None where it has no measure.

        Args:
            always_keep: the candidate is trained whatever its measure is.
        """
        begin = time.perf_counter()
        value = self._measure(config)
        if value is None:
            return None
        measured = Measured(
            key=key,
            value=value,
            seconds=time.perf_counter() - begin,
            verdict="kept" if always_keep else self._verdict(value),
        )
        self._measured.append(measured)
        return measured

    def reason(self, measured: Measured) -> str:
        """Reason of a discard, one line."""
        side = "lowest" if self._config.prefer == "low" else "highest"
        return (
            f"{self._config.measure} {measured.value:.4g} of the untrained encoder is not among "
            f"the {side} {self._config.keep:.0%} of {len(self._measured)} suggestions"
        )

    def _verdict(self, value: float) -> Verdict:
        values = [each.value for each in self._measured]
        if len(values) < N_AT_FIRST:
            return "kept"
        sign = 1 if self._config.prefer == "low" else -1
        n_better = sum(sign * other < sign * value for other in values)
        if n_better / (len(values) + 1) < self._config.keep:
            return "kept"
        n_worse = sum(each.verdict != "kept" for each in self._measured)
        audits = [floor(n * self._config.audit) for n in (n_worse, n_worse + 1)]
        return "audited" if audits[1] > audits[0] else "discarded"
