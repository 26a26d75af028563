"""Trying a reader with many inputs: each gives a value or a clear error, and soon."""

from __future__ import annotations

import contextlib
import io
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings

from spaces.errors import UserError
from tests.fuzz.targets import Target

HANG_S = 60  # on a busy machine; an input takes a thousandth of that


class Hang(BaseException):
    """An input took too long."""


@dataclass(slots=True)
class Outcome:
    """What a run of a target came to."""

    n_inputs: int = 0
    n_values: int = 0  # the others were clear errors


def fuzz(target: Target, n_inputs: int, *, is_repeatable: bool = True) -> Outcome:
    """Try ``n_inputs`` inputs.

    Raises:
        Exception: whatever else than a ``UserError`` an input led to, with that input.
    """
    outcome = Outcome()

    @settings(
        max_examples=n_inputs,
        derandomize=is_repeatable,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(target.inputs)
    def attempt(value: Any) -> None:
        outcome.n_inputs += 1
        with _within(HANG_S), contextlib.redirect_stderr(io.StringIO()) as told:
            fault = None
            try:
                target.read(value)
            except UserError as error:
                fault = str(error)
        assert fault is None or fault.strip()
        assert "Traceback" not in told.getvalue()
        outcome.n_values += fault is None

    attempt()
    return outcome


@contextmanager
def _within(seconds: float) -> Iterator[None]:
    def hang(_signal: int, _frame: object) -> None:
        raise Hang(f"an input took more than {seconds} s")

    before = signal.signal(signal.SIGALRM, hang)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
