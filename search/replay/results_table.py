"""Replays as a table for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from search.replay.trace import Event, Replay
from search.study.config import StudyConfig

NEAR = 0.01  # near the best: within this share of it


def replay_json(
    config: StudyConfig, replays: Sequence[Replay], *, n_workers: int
) -> dict[str, Any]:
    """Results of a replay: its settings, each seed, and the median over the seeds."""
    rows = [_row(replay) for replay in replays]
    return {
        "study": config.name,
        "algorithm": config.search.algorithm,
        "scheduler": config.scheduler.name,
        "n_workers": n_workers,
        "best_possible": replays[0].best_possible,
        "near": NEAR,
        "replays": rows,
        "median": {name: _median([row[name] for row in rows]) for name in _MEDIAN_COLUMNS},
    }


def replay_table(results: dict[str, Any]) -> Table:
    """Table of the results that ``replay_json`` gives."""
    table = Table(
        box=SIMPLE_HEAD,
        title=f"study {results['study']} replayed by {results['algorithm']}, scheduler "
        f"{results['scheduler']}, {results['n_workers']} trials at a time",
        caption=f"updates, simulated seconds and trials: until the best-so-far is within "
        f"{results['near']:.0%} of the best recorded value",
        caption_justify="left",
        title_justify="left",
    )
    for column in ("seed", "updates", "seconds", "trials", "final regret", "total updates"):
        table.add_column(column, justify="right", no_wrap=True)
    for row in results["replays"]:
        table.add_row(str(row["seed"]), *_cells(row))
    if len(results["replays"]) > 1:
        table.add_section()
        table.add_row("median", *_cells(results["median"]))
    return table


_MEDIAN_COLUMNS = (
    "n_updates_to_near",
    "seconds_to_near",
    "n_trials_to_near",
    "regret",
    "n_updates",
)


def _row(replay: Replay) -> dict[str, Any]:
    near: Event | None = replay.reached(NEAR)
    return {
        "seed": replay.seed,
        "n_updates_to_near": None if near is None else near.n_updates,
        "seconds_to_near": None if near is None else near.seconds,
        "n_trials_to_near": None if near is None else near.n_trials,
        "regret": replay.regret,
        "n_updates": replay.n_updates,
    }


def _median(values: Sequence[float | None]) -> float | None:
    """Median, where None counts as infinite; None if the median is."""
    middle = median(float("inf") if value is None else value for value in values)
    return None if middle == float("inf") else middle


def _cells(row: dict[str, Any]) -> list[str]:
    spent = [row["n_updates_to_near"], row["seconds_to_near"], row["n_trials_to_near"]]
    return [
        *("never" if value is None else f"{value:,.0f}" for value in spent),
        f"{row['regret']:.2%}",
        f"{row['n_updates']:,.0f}",
    ]
