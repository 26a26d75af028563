"""Stopwatch for the time spent in training, without validation."""

from __future__ import annotations

import time

import torch


class Stopwatch:
    """Stopwatch: seconds between ``start`` and ``stop``, summed over all runs."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._started: float | None = None
        self.seconds_before = 0.0

    def start(self) -> None:
        if self._started is None:
            self._started = time.perf_counter()

    def stop(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        self.seconds_before = self.seconds
        self._started = None

    @property
    def seconds(self) -> float:
        running = 0.0 if self._started is None else time.perf_counter() - self._started
        return self.seconds_before + running
