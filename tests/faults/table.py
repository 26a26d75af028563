"""The table of a run of the harness: each fault with its number, and what it cost."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from tests.faults.harness import Outcome, Strike

HEADS = (
    "fault",
    "times",
    "updates trained again, at most",
    "s to the driver's end, median (most)",
    "s of work to the next new point, median (most)",
    "goes on by",
)
BEGIN, END = "<!-- begin: python -m tests.faults -->", "<!-- end -->"


def table(outcome: Outcome) -> str:
    """Markdown table, a fault a line, with a sentence on the whole run."""
    by_fault: dict[str, list[Strike]] = {}
    for strike in outcome.strikes:
        by_fault.setdefault(strike.fault, []).append(strike)
    rows = [
        f"| {' | '.join(HEADS)} |",
        f"|{' --- |' * len(HEADS)}",
        *(_row(fault, by_fault[fault]) for fault in sorted(by_fault)),
    ]
    return "\n".join([_summary(outcome), "", *rows])


def put_table(path: Path, outcome: Outcome) -> None:
    """Replace what stands between the two comments in a Markdown file."""
    before, _, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    path.write_text(f"{before}{BEGIN}\n\n{table(outcome)}\n\n{END}{after}", encoding="utf-8")


def _summary(outcome: Outcome) -> str:
    return (
        f"{outcome.seconds / 60:.0f} minutes, seed {outcome.seed}: {len(outcome.strikes)} faults "
        f"in {outcome.n_studies} studies, {outcome.n_drivers} drivers; "
        f"{os.cpu_count()} cores, load {outcome.load:.0f}."
    )


def _row(fault: str, strikes: Sequence[Strike]) -> str:
    remedies = Counter(strike.remedy for strike in strikes)
    cells = (
        fault,
        str(len(strikes)),
        str(max(strike.lost_updates for strike in strikes)),
        _seconds([s.ended_after_s for s in strikes if s.ended_after_s is not None]),
        _seconds([s.goes_on_after_s for s in strikes if s.goes_on_after_s is not None]),
        ", ".join(f"{remedy} ({n})" for remedy, n in remedies.most_common()),
    )
    return f"| {' | '.join(cells)} |"


def _seconds(values: Sequence[float]) -> str:
    return f"{median(values):.1f} ({max(values):.1f})" if values else "–"
