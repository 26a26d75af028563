"""Time that a study's drivers have searched, over all sessions."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from search.study.folder import StudyFolder


class SearchTime:
    """Seconds of the earlier sessions and of this one so far, kept in the study's folder."""

    def __init__(self, folder: StudyFolder) -> None:
        self._folder = folder
        self._before_s = folder.spent_s()
        self._started = time.monotonic()

    @classmethod
    @contextmanager
    def of_session(cls, folder: StudyFolder) -> Iterator[Self]:
        """Time that counts while the context lasts, and is kept at its end."""
        spent = cls(folder)
        try:
            yield spent
        finally:
            spent.keep()

    @property
    def seconds(self) -> float:
        return self._before_s + time.monotonic() - self._started

    def keep(self) -> None:
        """Write the seconds into the study's folder."""
        self._folder.change(spent_s=round(self.seconds, 1))
