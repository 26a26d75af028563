"""The Python examples of docs/guide.md."""

from __future__ import annotations

import re
from pathlib import Path

GUIDE = Path(__file__).parents[2] / "docs/guide.md"


def example(heading: str) -> str:
    """The first Python block under ``heading``."""
    _, _, section = GUIDE.read_text(encoding="utf-8").partition(f"### {heading}\n")
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found is not None
    return found[1]
