"""Columns of a table of trials, of which a narrow terminal shows the first ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from rich.table import Table

from search.study.config import StudyConfig
from search.study.ranking import pareto_front
from search.study.references import Model0s
from search.study.score_name import score_name
from search.study.trial_record import Role, TrialRecord
from search.study.varied_settings import setting_text, short_names

_GAP = 2  # characters beside each column
_LAYOUT_WIDTH = 24  # characters of a layout from which on it is folded before columns are dropped
_ROLES: dict[Role, str] = {"model0": "Model 0", "deletion": "deletion"}


@dataclass(frozen=True, slots=True)
class Column:
    """Column of the table of trials."""

    heading: str
    of: Callable[[TrialRecord], str]
    is_kept: bool = False  # however narrow the terminal is
    is_layout: bool = False
    is_state: bool = False

    def width(self, records: Sequence[TrialRecord]) -> int:
        """Characters of its widest cell."""
        widest = max((len(self.of(record)) for record in records), default=0)
        return max(len(self.heading), min(widest, _LAYOUT_WIDTH) if self.is_layout else widest)

    def add_to(self, table: Table) -> None:
        """Add the column, without its cells, to ``table``."""
        if self.is_layout:
            table.add_column(self.heading, overflow="fold", min_width=4)
        else:
            justify: Literal["left", "right"] = "left" if self.is_state else "right"
            table.add_column(self.heading, justify=justify, no_wrap=True)


def trial_columns(config: StudyConfig, records: Sequence[TrialRecord]) -> list[Column]:
    """Columns of the table in order of importance; those of the study's references if it has."""
    front = {record.id for record in pareto_front(records, config.objective)}
    model0s = Model0s.of(config, records)
    ratio = Column("÷ Model 0", lambda r: _text(model0s.aucc_ratio(r), ".3f"))
    seed = Column("seed", lambda r: str(r.config.seed))
    settings = [
        Column(short, partial(setting_text, name=name))
        for name, short in short_names(config).items()
    ]
    decoder = Column("decoder", lambda r: str(r.decoder), is_layout=True)
    return [
        Column("trial", lambda r: str(r.id), is_kept=True),
        Column("encoder", lambda r: r.canonical, is_kept=True, is_layout=True),
        *settings,
        Column("state", _state, is_state=True),
        *([seed] if len({record.config.seed for record in records}) > 1 else []),
        Column(config.objective.clock, lambda r: _text(r.clock, ".6g")),
        Column(score_name(records), lambda r: _text(r.best_score, ".2f")),
        Column("AUCC", lambda r: _text(r.aucc, ".5g")),
        *([ratio] if model0s.by_depth else []),
        Column("objective", lambda r: _text(r.objective, ".5g"), is_kept=True),
        Column("*", lambda r: "*" if r.id in front else "", is_kept=True),
        Column("M params", lambda r: _text(r.n_mparams, ".3f")),
        *([decoder] if any(record.decoder.depth for record in records) else []),
    ]


def fitting_columns(
    columns: Sequence[Column], records: Sequence[TrialRecord], width: int
) -> list[Column]:
    """Columns that fit the terminal: the others are left out from the right."""
    fitting = list(columns)
    for column in reversed(columns):
        if sum(each.width(records) + _GAP for each in fitting) <= width:
            break
        if not column.is_kept:
            fitting.remove(column)
    return fitting


def _state(record: TrialRecord) -> str:
    """The trial's state; of a completed reference its role."""
    if record.state != "completed" or record.reference is None:
        return record.state
    return _ROLES[record.reference]


def _text(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
