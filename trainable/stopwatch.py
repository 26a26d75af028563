"""Stopwatch for the time spent in training, without validation."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import torch


class Stopwatch:
    """Stopwatch: seconds between ``start`` and ``stop``, summed over all runs.

    ``paused_s`` are the seconds of ``paused`` blocks, which are not among them.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._started: float | None = None
        self.seconds_before = 0.0
        self.paused_s = 0.0

    def start(self) -> None:
        if self._started is None:
            self._started = time.perf_counter()

    def stop(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        self.seconds_before = self.seconds
        self._started = None

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Leave the block, such as a compilation, out of a running clock."""
        was_running = self._started is not None
        self.stop()
        began = time.perf_counter()
        try:
            yield
        finally:
            if self._device.type == "cuda":
                torch.cuda.synchronize(self._device)
            self.paused_s += time.perf_counter() - began
            if was_running:
                self.start()

    @property
    def seconds(self) -> float:
        running = 0.0 if self._started is None else time.perf_counter() - self._started
        return self.seconds_before + running
