"""Many trials: study, searcher, scheduler, tracking, export, the command line and ``Study``."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from search.api import Study

__all__ = ["Study"]


def foreign_package() -> str | None:
    """Fault of a package that hides or overwrites ours, with its remedy; None without one.

    Other projects have packages of these names, and installers do not mind. Imports neither.
    """
    for name in ("spaces", "trainable"):
        spec = find_spec(name)
        place = None if spec is None else spec.origin
        if place is None or b"Part of reservoir-search" not in Path(place).read_bytes():
            return (
                f"{place or name}: is not this project's package '{name}' but one of another "
                "project; uninstall that one, or use an environment without it, and install "
                "reservoir-search again"
            )
    return None


def __getattr__(name: str) -> Any:
    """``Study``, imported when first asked for: every command would wait for pandas."""
    if name == "Study":
        if (fault := foreign_package()) is not None:
            raise ImportError(fault)
        from trainable.first_import import import_fairseq

        import_fairseq()
        from search.api import Study

        return Study
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
