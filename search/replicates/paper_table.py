"""A table of the paper, as Markdown and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

NO_FIGURE = "–"
LAYOUT = "encoder"  # heading of the column of layouts, which are set as code
_MIN_WIDTH = 4  # of a column in Markdown


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperTable:
    """Table of texts with a caption."""

    name: str  # of the file, without suffix
    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def to_markdown(self) -> str:
        """Caption and table, its columns aligned so that it can be read as it is."""
        rows = [
            [
                f"`{cell}`" if column == LAYOUT else cell
                for column, cell in zip(self.columns, row, strict=True)
            ]
            for row in self.rows
        ]
        widths = [
            max(_MIN_WIDTH, *(len(row[place]) for row in (self.columns, *rows)))
            for place in range(len(self.columns))
        ]
        rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
        lines = [_aligned(row, widths) for row in (self.columns, rule, *rows)]
        return "\n".join([f"{self.caption}\n", *(f"| {' | '.join(line)} |" for line in lines)])

    def to_csv(self) -> str:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([self.columns, *self.rows])
        return text.getvalue()


def _aligned(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Cells as wide as their columns, the first to the left, the others to the right."""
    first, *others = row
    return [first.ljust(widths[0]), *map(str.rjust, others, widths[1:])]
