"""Deletions: does a recorded layout do better with its reservoirs than without them?

Each recorded layout with reservoirs is set beside the recorded layout that is left when its
reservoirs are deleted, with the same settings. Nothing is trained.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.command import Options, run
from benchmarks.machine import machine
from benchmarks.result import Report, Row, Table
from benchmarks.search_problems import TABLE
from search.replay.recorded_studies import open_table
from search.replay.trial_table import TrialTable
from spaces.layout import without_reservoirs
from trainable.aucc import best_point

N_SAMPLES = 10_000  # of the bootstrap
MIN_GROUPS = 4
_INTERVAL = (
    f"95 % interval: percentiles of {N_SAMPLES:,} bootstrap samples of the deletions, each with "
    "all its layouts, as pairs of one deletion are not independent"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A layout with reservoirs beside its deletion; each ratio is with ÷ without."""

    depth: int  # with the reservoirs
    without: str  # layout of the deletion
    aucc: float
    score: float
    seconds: float  # of the same number of updates


def measure(options: Options) -> Report:  # noqa: ARG001 - every benchmark takes them
    """Ratios of AUCC, best BLEU and seconds over all pairs, by depth."""
    table = open_table(str(TABLE))
    pairs = list(_pairs(table))
    depths = sorted({pair.depth for pair in pairs})
    return Report(
        name="deletions",
        title="Layouts beside the same without their reservoirs",
        header={**machine(), "table": f"{len(table.by_key)} layouts, {table.study.name}, seed 1"},
        tables=[
            Table(
                caption="With reservoirs ÷ without, geometric means",
                rows=[
                    _row("all", pairs),
                    *(_row(f"{d}", [pair for pair in pairs if pair.depth == d]) for d in depths),
                ],
            )
        ],
        notes=[
            "depth: of the layout with its reservoirs; its deletion is as much shallower",
            _INTERVAL,
            "one seed a layout: a single pair says little",
        ],
    )


def _pairs(table: TrialTable) -> Iterator[Pair]:
    trials = [replicates[0] for replicates in table.by_key.values()]
    by_layout = {(str(t.candidate.encoder), str(t.candidate.decoder)): t for t in trials}
    for trial in trials:
        left = without_reservoirs(trial.candidate.encoder)
        if trial.candidate.encoder.n_reservoirs == 0 or left is None:
            continue
        other = by_layout.get((str(left), str(trial.candidate.decoder)))
        if other is not None:
            yield Pair(
                depth=trial.candidate.encoder.depth,
                without=str(left),
                aucc=table.area(trial) / table.area(other),
                score=best_point(trial.curve).score / best_point(other.curve).score,
                seconds=trial.curve[-1].seconds / other.curve[-1].seconds,
            )


def _row(name: str, pairs: Sequence[Pair]) -> Row:
    areas, scores, seconds = (
        np.log([getattr(pair, measure) for pair in pairs])
        for measure in ("aucc", "score", "seconds")
    )
    return {
        "depth": name,
        "pairs": str(len(pairs)),
        "AUCC": f"{np.exp(areas.mean()):.3f}",
        "95 % interval": _interval(pairs),
        "AUCC better": f"{sum(pair.aucc > 1 for pair in pairs)} of {len(pairs)}",
        "best BLEU": f"{np.exp(scores.mean()):.3f}",
        "seconds": f"{np.exp(seconds.mean()):.2f}",
    }


def _interval(pairs: Sequence[Pair]) -> str:
    """Interval of the mean ratio of AUCC; "–" of fewer than four deletions, which tell none."""
    groups = [
        np.log([pair.aucc for pair in pairs if pair.without == without])
        for without in sorted({pair.without for pair in pairs})
    ]
    if len(groups) < MIN_GROUPS:
        return "–"
    rng = np.random.default_rng(1)
    drawn = rng.integers(len(groups), size=(N_SAMPLES, len(groups)))
    means = np.array([group.mean() for group in groups])[drawn].mean(axis=1)
    low, high = np.exp(np.percentile(means, [2.5, 97.5]))
    return f"{low:.3f} to {high:.3f}"


if __name__ == "__main__":
    run(measure, __doc__)
