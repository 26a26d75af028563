"""Section of the page, as each file in ``sections`` makes one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Picture = Callable[[], "Figure"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Heading and body of a section, with its figures.

    ``pictures`` are the figures for papers, by file name without suffix; each is drawn when
    it is called.
    """

    name: str  # anchor in the page, as in report.html#curves
    title: str
    body: Markup  # HTML, escaped
    pictures: Mapping[str, Picture] = field(default_factory=dict)
