"""Trying a reader with many inputs: each gives a value or a clear error, and soon."""

from __future__ import annotations

import contextlib
import faulthandler
import io
import logging
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings

from spaces.errors import UserError
from tests.fuzz.targets import Target

HANG_S = 60  # on a busy machine; an input takes a thousandth of that
# Of memory, beyond what the process holds with torch and a corpus (half a GiB), so that the peak
# stays below 2 GiB.
MAX_GROWTH_BYTES = 1280 * 2**20
MAX_ASKED_BYTES = 2 * 2**30  # more is refused by the system, before the machine is out of memory


class Hang(BaseException):
    """An input took too long."""


@dataclass(slots=True)
class Outcome:
    """What a run of a target came to."""

    n_inputs: int = 0
    n_values: int = 0  # the others were clear errors
    growth_bytes: int = 0  # peak of the process' memory, beyond what it held before


def fuzz(target: Target, n_inputs: int, *, is_quick: bool = True) -> Outcome:
    """Try the target's large inputs, and ``n_inputs`` that are drawn.

    Args:
        target: what is tried.
        n_inputs: number of drawn inputs.
        is_quick: try the first of the large inputs alone, and the same drawn ones each time.

    Raises:
        Exception: whatever else than a ``UserError`` an input led to, with that input.
        AssertionError: an input took too much memory.
    """
    outcome = Outcome()

    @settings(
        max_examples=n_inputs,
        derandomize=is_quick,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(target.inputs)
    def attempt(value: Any) -> None:
        outcome.n_inputs += 1
        outcome.n_values += _is_value(target, value, seconds=HANG_S)

    with _measured(outcome):
        for make in target.large[: 1 if is_quick else None]:
            _is_value(target, make(), seconds=5 * HANG_S)
        attempt()
    assert outcome.growth_bytes < MAX_GROWTH_BYTES
    return outcome


def _is_value(target: Target, value: Any, *, seconds: float) -> bool:
    """Try an input: True if it gave a value, False if a clear error."""
    with (
        _within(seconds),
        _without_handlers(),
        contextlib.redirect_stderr(io.StringIO()) as told,
    ):
        fault = None
        try:
            target.read(value)
        except UserError as error:
            fault = str(error)
    assert fault is None or fault.strip()
    assert "Traceback" not in told.getvalue(), told.getvalue()[-2000:]
    return fault is None


@contextmanager
def _without_handlers() -> Iterator[None]:
    """Without log handlers of earlier tests in this process, whose streams are closed by now."""
    root = logging.getLogger()
    before, root.handlers = root.handlers, []
    try:
        yield
    finally:
        root.handlers = before


@contextmanager
def _within(seconds: float) -> Iterator[None]:
    def hang(_signal: int, _frame: object) -> None:
        raise Hang(f"an input took more than {seconds} s")

    before = signal.signal(signal.SIGALRM, hang)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    # A library in C that gets no more memory may not come back to take the signal.
    faulthandler.dump_traceback_later(3 * seconds, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _measured(outcome: Outcome) -> Iterator[None]:
    """Note the growth of memory, and limit what the process can ask for."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    limit = _memory("VmSize") + MAX_ASKED_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, before[1]))
    Path("/proc/self/clear_refs").write_text("5")  # the peak is the present size
    held = _memory("VmRSS")
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
        outcome.growth_bytes = _memory("VmHWM") - held


def _memory(name: str) -> int:
    """A size of this process in bytes, by its name in /proc/self/status."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))
