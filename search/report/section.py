"""A section of the page: what each file in ``sections`` makes of a study."""

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
    """A heading and what stands under it.

    The pictures are the figures of the section for a paper, by file name without the end;
    they are drawn only where they are asked for.
    """

    name: str  # of its place in the page, as in report.html#curves
    title: str
    body: Markup  # HTML, escaped
    pictures: Mapping[str, Picture] = field(default_factory=dict)
