"""Table of a running search in place at a terminal: the best trials, and how far the search is."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, RenderResult
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from search.costs.units import human_seconds
from search.run.time_left import spent_share
from search.study.config import StudyConfig
from search.study.ranking import best_first, best_trial
from search.study.trial_columns import Column, fitting_columns, trial_columns
from search.study.trial_record import State, TrialRecord

_STYLES: Mapping[State, str] = MappingProxyType(
    {"completed": "green", "stopped": "yellow", "running": "cyan", "failed": "red"}
)
_OTHER_LINES = 5  # heading, rule, trials left out, bar, and an empty one where the cursor stands
_BAR_SHARE = 6  # the bar is as wide as a sixth of the terminal


@dataclass(frozen=True, kw_only=True)
class LiveTable:
    """State of a search at one moment; fits the terminal whatever its size is by then."""

    config: StudyConfig
    records: Sequence[TrialRecord]
    n_trials: int  # begun and to come
    ends_at: float | None = None  # reading of the monotonic clock, in seconds; None if unknown

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        height = options.max_height - _OTHER_LINES
        shown = _shown(self._ordered, max(1, height))
        if shown:
            yield self._table(shown, options.max_width)
        if len(shown) < len(self.records):
            yield Text(f"… and {len(self.records) - len(shown)} more", style="dim")
        yield self._bar(options.max_width // _BAR_SHARE)
        yield ""

    @cached_property
    def _ordered(self) -> Sequence[TrialRecord]:
        return sorted(self.records, key=best_first)

    @cached_property
    def _columns(self) -> Sequence[Column]:
        return trial_columns(self.config, self.records)

    def _table(self, shown: Sequence[TrialRecord], width: int) -> Table:
        table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
        columns = fitting_columns(self._columns, shown, width)
        for column in columns:
            column.add_to(table)
        best = best_trial(self.records, self.config.objective)
        for record in shown:
            cells = (_cell(column, record) for column in columns)
            table.add_row(*cells, style="bold" if record == best else "")
        return table

    def _bar(self, width: int) -> Table:
        line = Table.grid(padding=(0, 1, 0, 0))
        line.add_column(width=width)
        line.add_column(no_wrap=True, overflow="ellipsis")
        line.add_row(ProgressBar(total=self.n_trials, completed=self._n_done()), self._status())
        return line

    def _n_done(self) -> float:
        """Number of ended trials, and the share of its budget that each running one has spent."""
        running = [record for record in self.records if record.state == "running"]
        n_ended = len(self.records) - len(running)
        return n_ended + sum(spent_share(self.config, record) for record in running)

    def _status(self) -> str:
        states = Counter(record.state for record in self.records)
        n_over = sum(states.values()) - states["running"]
        parts = [f"{n_over}/{self.n_trials} trials ended", self._left()]
        parts += [f"{states[state]} {state}" for state in ("running", "failed") if states[state]]
        return " · ".join(parts)

    def _left(self) -> str:
        if self.ends_at is not None:
            return f"about {human_seconds(max(0.0, self.ends_at - time.monotonic()))} left"
        is_training = any(record.state == "running" for record in self.records)
        return "until the first validation" if is_training else "starting the trials' processes"


def _shown(ordered: Sequence[TrialRecord], n_most: int) -> Sequence[TrialRecord]:
    """Trials that fit: those that run, and the first of the others, in the given order."""
    running_first = sorted(ordered, key=lambda record: record.state != "running")
    fitting = {record.id for record in running_first[:n_most]}
    return [record for record in ordered if record.id in fitting]


def _cell(column: Column, record: TrialRecord) -> Text:
    """A line of text; its column may make it shorter."""
    style = _STYLES[record.state] if column.is_state else ""
    return Text(column.of(record), style=style, no_wrap=True, overflow="ellipsis")
