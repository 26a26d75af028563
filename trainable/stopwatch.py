"""The clock of training alone."""

from __future__ import annotations

import time

import torch


class Stopwatch:
    """Seconds between ``start`` and ``stop``, summed up over all the times it ran."""

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
