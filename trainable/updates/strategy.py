"""The interface of a way to make updates."""

from __future__ import annotations

from typing import Protocol

from trainable.tasks.task import Update


class UpdateStrategy(Protocol):
    """A way to make the updates of a trial on one rank."""

    def update(self, update: Update, *, number: int) -> None:
        """One optimizer step on this rank's share of ``update``; the first has ``number`` 1."""

    def begin_anew(self) -> None:
        """Take notice that parameters have been frozen."""
