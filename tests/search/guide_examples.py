"""The Python examples of the documentation."""

from __future__ import annotations

import re
from pathlib import Path

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"


def example(heading: str) -> str:
    """The first Python block under ``heading`` of a page."""
    pages = [path.read_text(encoding="utf-8") for path in HOW_TO.glob("*.md")]
    (page,) = [text for text in pages if f"\n## {heading}\n" in text]
    _, _, section = page.partition(f"\n## {heading}\n")
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found is not None
    return found[1]
