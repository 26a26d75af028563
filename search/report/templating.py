"""HTML out of the templates; what is put into them is escaped."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

TEMPLATES = Path(__file__).parent / "templates"
MISSING = "–"


def shown(value: float | str | None, form: str = "") -> str:
    """A value for a person; a dash where there is none."""
    return MISSING if value is None else format(value, form)


def decimals(value: float, n_digits: int) -> int:
    """How many decimals give ``value`` so many significant digits; no fewer than none."""
    return max(0, n_digits - 1 - math.floor(math.log10(abs(value)))) if value else 0


def figures(value: float | None, n_digits: int = 4) -> str:
    """A number to so many significant digits, thousands apart; a whole one without decimals."""
    if value is None:
        return MISSING
    return f"{value:,.{0 if value == round(value) else decimals(value, n_digits)}f}"


def percent(value: float) -> str:
    """A change by a factor, as +3.2 %."""
    return f"{100 * value:+.1f} %".replace("-", "−")


def data_block(value: object) -> Markup:
    """JSON that can stand in a script element, whatever its texts hold."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=True)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def render(template: str, **values: Any) -> Markup:
    """The template filled in."""
    return Markup(_ENVIRONMENT.get_template(template).render(**values))


def read(name: str) -> Markup:
    """A file of ours as it stands: style or program."""
    return Markup((TEMPLATES / name).read_text(encoding="utf-8"))


_ENVIRONMENT = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters.update(shown=shown, figures=figures, percent=percent, data_block=data_block)
