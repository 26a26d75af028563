"""Many trials: study, searcher, scheduler, tracking, export, the command line and ``Study``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from search.api import Study

__all__ = ["Study"]


def __getattr__(name: str) -> Any:
    """``Study``, imported when first asked for: every command would wait for pandas."""
    if name == "Study":
        from search.api import Study

        return Study
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
