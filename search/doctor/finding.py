"""What a check of a study came to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The outcome of one check.

    An interruption leaves work behind that the next driver does; that is no fault. A fault
    is what no interruption explains.
    """

    subject: str
    looked_at: str
    waiting: tuple[str, ...] = ()  # what an interruption left
    faults: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """The check in a word."""
        if self.faults:
            return "fault"
        return "waits" if self.waiting else "ok"


@dataclass(slots=True)
class Notes:
    """What a check has seen so far."""

    waiting: list[str]
    faults: list[str]

    @classmethod
    def empty(cls) -> Notes:
        return cls([], [])

    def finding(self, subject: str, looked_at: str) -> Finding:
        """The outcome, now that all was seen."""
        return Finding(
            subject=subject,
            looked_at=looked_at,
            waiting=tuple(self.waiting),
            faults=tuple(self.faults),
        )
