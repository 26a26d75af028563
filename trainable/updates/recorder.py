"""The interface of what records work to do it again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

Work = Callable[[], None]


class Recorder(Protocol):
    """Recorder of work whose tensors stay in their places."""

    def record(self, work: Work, *, warm_up: Work) -> Work:
        """A function that does ``work``, which need not be done while it is recorded.

        Args:
            work: computes on tensors of fixed shapes, without waiting for their values.
            warm_up: the part of ``work`` that may compile code or load libraries; it is done
                beforehand, and changes nothing that counts.
        """


class RunAgain:
    """Recorder that runs the work anew each time, on any device."""

    def record(self, work: Work, *, warm_up: Work) -> Work:
        warm_up()
        return work
