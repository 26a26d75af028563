"""A benchmark's result: where it ran, its tables, what to know of them; Markdown and JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from benchmarks.spread import Spread, figure
from trainable.atomic import write_atomically

Cell = Spread | float | str | None  # None: not measured, or nothing to measure
Row = Mapping[str, Cell]  # by column; all rows of a table have the same columns
SPREAD = "Figures are medians; in brackets the lowest and the highest measurement."


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under a caption; the caption says the unit where the columns don't."""

    caption: str
    rows: Sequence[Row]

    def to_markdown(self) -> str:
        columns = list(self.rows[0])
        lines = [columns, ["---"] * len(columns)]
        lines += [[_shown(row[column]) for column in columns] for row in self.rows]
        return "\n".join([f"{self.caption}\n", *(f"| {' | '.join(line)} |" for line in lines)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that a benchmark has to say."""

    name: str  # name of its module and of its files
    title: str
    header: Mapping[str, str]
    tables: Sequence[Table]
    notes: Sequence[str] = ()

    def to_markdown(self) -> str:
        header = "\n".join(f"- {name}: {value}" for name, value in self.header.items())
        tables = [table.to_markdown() for table in self.tables]
        notes = ["\n".join(f"- {note}" for note in self.notes)] if self.notes else []
        spread = [SPREAD] if self._has_spreads else []
        return "\n\n".join([f"# {self.title}", header, *spread, *tables, *notes]) + "\n"

    @property
    def _has_spreads(self) -> bool:
        cells = (cell for table in self.tables for row in table.rows for cell in row.values())
        return any(isinstance(cell, Spread) for cell in cells)

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        values = json.loads(text)
        tables = [
            Table(
                caption=table["caption"],
                rows=[{name: _cell(value) for name, value in row.items()} for row in table["rows"]],
            )
            for table in values["tables"]
        ]
        return cls(**{**values, "tables": tables})

    def write(self, folder: Path) -> None:
        """``NAME.md`` and ``NAME.json`` in ``folder``, each whole or not at all."""
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / f"{self.name}.json", self.to_json())
        write_atomically(folder / f"{self.name}.md", self.to_markdown())


def _shown(cell: Cell) -> str:
    if cell is None:
        return "–"
    return figure(cell) if isinstance(cell, int | float) else str(cell)


def _cell(value: Any) -> Cell:
    """A cell out of JSON."""
    cell: Cell = Spread(**value) if isinstance(value, dict) else value
    return cell
