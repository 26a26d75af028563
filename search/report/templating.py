"""HTML from the templates; all values are escaped."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

TEMPLATES = Path(__file__).parent / "templates"
MISSING = "–"


def text_or_dash(value: float | str | None, form: str = "") -> str:
    """Formatted value; a dash if it is None."""
    return MISSING if value is None else format(value, form)


def decimals(value: float, n_digits: int) -> int:
    """Number of decimals that give ``value`` so many significant digits; at least 0."""
    return max(0, n_digits - 1 - math.floor(math.log10(abs(value)))) if value else 0


def figures(value: float | None, n_digits: int = 4) -> str:
    """Number with ``n_digits`` significant digits and commas; whole numbers have no decimals."""
    if value is None:
        return MISSING
    return f"{value:,.{0 if value == round(value) else decimals(value, n_digits)}f}"


def percent(value: float) -> str:
    """Relative change as a percentage: 0.032 is ``+3.2 %``."""
    return f"{100 * value:+.1f} %".replace("-", "−")


def data_block(value: object) -> Markup:
    """JSON that is safe inside a script element: ``<``, ``>`` and ``&`` are escaped."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=True)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def render(template: str, **values: Any) -> Markup:
    """Render a template with ``values``."""
    return Markup(_ENVIRONMENT.get_template(template).render(**values))


def read(name: str) -> Markup:
    """Unescaped text of our own style sheet or script."""
    return Markup((TEMPLATES / name).read_text(encoding="utf-8"))


_ENVIRONMENT = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters.update(
    text_or_dash=text_or_dash, figures=figures, percent=percent, data_block=data_block
)
