"""Outcome of one check of a study."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Outcome of one check.

    Work that an interruption left for the next driver is no fault. A fault is anything that
    no interruption explains.
    """

    subject: str  # the store that was checked
    looked_at: str  # number or place of the things checked, as "12 trials"
    waiting: tuple[str, ...] = ()  # work that an interruption left, a sentence each
    faults: tuple[str, ...] = ()  # a sentence each

    @property
    def verdict(self) -> str:
        """Outcome in a word: ``fault``, ``waits`` or ``ok``."""
        if self.faults:
            return "fault"
        return "waits" if self.waiting else "ok"


@dataclass(slots=True)
class Notes:
    """Findings of a check that is not finished."""

    waiting: list[str]
    faults: list[str]

    @classmethod
    def empty(cls) -> Notes:
        return cls([], [])

    def finding(self, subject: str, looked_at: str) -> Finding:
        """Outcome of the finished check."""
        return Finding(
            subject=subject,
            looked_at=looked_at,
            waiting=tuple(self.waiting),
            faults=tuple(self.faults),
        )
