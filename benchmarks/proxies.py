"""Proxies: does a cheap measure predict the final AUCC of a layout?

Every recorded layout is built again with its seed, and its encoder's dynamics are measured
before training; some layouts are trained for a few updates and measured again. Sizes and early
scores come from the table. Depth alone predicts much, so each correlation is also given within
the layouts of one depth. A second table gives the loss if only the half of the layouts is
trained that a proxy prefers, as [search.proxy] does. Needs the table's prepared data: see
benchmarks/tables.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.command import Options, run
from benchmarks.machine import machine
from benchmarks.result import Cell, Report, Row, Table
from benchmarks.search_problems import TABLE
from search.replay.recorded_studies import open_table
from search.replay.trial_table import RecordedTrial, TrialTable
from search.stats.prediction import EARLY, rank_correlation
from search.study.comparability import corpus_digest
from spaces.errors import UserError
from trainable.config import TrialConfig
from trainable.curve import Point
from trainable.dynamics.measure import DYNAMICS_MEASURES, N_SENTENCES, untrained_dynamics
from trainable.objective import mparams
from trainable.ranks import Ranks
from trainable.training import Training

logger = logging.getLogger(__name__)

EVERY = 3  # every third layout is trained for a few updates
N_UPDATES = 60
N_HALVES = 2000  # random halves of the layouts to compare with

Values = Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finals:
    """Final AUCC and depth of each layout."""

    areas: Sequence[float]  # AUCC over the whole budget
    depths: Sequence[int]

    def within_a_depth(self, values: Sequence[float | None]) -> float | None:
        """Mean rank correlation of ``values`` within the layouts of one depth."""
        correlations = []
        for depth in set(self.depths):
            same = [n for n, other in enumerate(self.depths) if other == depth]
            found = rank_correlation([values[n] for n in same], [self.areas[n] for n in same])
            if found is not None:
                correlations.append(found)
        if not correlations:
            return None
        n_trials = sum(found.n_trials for found in correlations)
        return sum(found.rho * found.n_trials for found in correlations) / n_trials


def measure(options: Options) -> Report:
    """Rank correlation of each measure with the final AUCC."""
    table = open_table(str(TABLE))
    data = options.data or Path(table.study.data)
    if not data.is_dir() or corpus_digest(data) != table.corpus:
        raise UserError(
            f"--data {data}: not the data that the table was recorded on; make them as "
            "benchmarks/tables/README.md says"
        )
    trials = [replicates[0] for replicates in table.by_key.values()]
    torch.set_num_threads(2)
    untrained = [untrained_dynamics(_config(table, trial, data)) for trial in trials]
    trained = [
        _trained(_config(table, trial, data)) if number % EVERY == 0 else {}
        for number, trial in enumerate(trials)
    ]
    areas = [table.area(trial) for trial in trials]
    finals = _finals(trials, table)
    again = trials[::EVERY]  # those that were trained anew
    per_mparam = [
        area / mparams(trial.counts, table.study.objective.parameters)
        for area, trial in zip(areas, trials, strict=True)
    ]
    return Report(
        name="proxies",
        title="What predicts the final AUCC",
        header={**machine(), "table": f"{len(trials)} layouts, {table.study.name}, seed 1"},
        tables=[
            Table(
                caption="Spearman's rank correlation with the AUCC over the whole budget",
                rows=[
                    *_recorded_rows(table, trials, finals),
                    *_rows("before training", untrained, finals),
                    *_rows(f"after {N_UPDATES} updates", trained, finals),
                    *_recorded_rows(table, again, _finals(again, table), of="of the same"),
                ],
            ),
            Table(
                caption="Training the half of the layouts that a measure of the untrained encoder "
                "prefers: how far the best of it lies below the best of all",
                rows=list(_lost_rows(untrained, areas, per_mparam)),
            ),
        ],
        notes=[
            "95 % interval: percentiles of 2,000 bootstrap samples of the trials",
            "within a depth: the mean over the depths, each weighed by its number of trials",
            f"by chance: the mean over {N_HALVES:,} random halves",
            f"dynamics: medians over {N_SENTENCES} validation sentences, at the trained depth",
        ],
    )


def _config(table: TrialTable, trial: RecordedTrial, data: Path) -> TrialConfig:
    config = table.study.trial(trial.candidate, data=str(data.resolve()))
    validation = config.validation.model_copy(
        update={"interval_updates": N_UPDATES, "dynamics": True}
    )
    return config.model_copy(update={"seed": trial.seed, "validation": validation})


def _trained(config: TrialConfig) -> Values:
    training = Training(config, ranks=Ranks())
    next(iter(training.points()))
    logger.info("layout=%s %s", config.model.encoder, training.dynamics)
    return training.dynamics


def _finals(trials: Sequence[RecordedTrial], table: TrialTable) -> Finals:
    return Finals(
        areas=[table.area(trial) for trial in trials],
        depths=[trial.candidate.encoder.depth for trial in trials],
    )


def _recorded_rows(
    table: TrialTable, trials: Sequence[RecordedTrial], finals: Finals, *, of: str = ""
) -> list[Row]:
    clock = table.study.objective.clock
    early = [_early(trial, EARLY * trial.curve[-1].at(clock), table) for trial in trials]
    measures: dict[str, list[float | None]] = {
        "parameters, total": [float(trial.counts.total) for trial in trials],
        "parameters, learned": [float(trial.counts.learned) for trial in trials],
        "depth": [float(trial.candidate.encoder.depth) for trial in trials],
        "FLOPs an update": [trial.curve[-1].flops / trial.curve[-1].updates for trial in trials],
        f"BLEU after {EARLY:.0%} of the budget": [point.score for point in early],
        f"validation loss after {EARLY:.0%} of the budget": [point.loss for point in early],
    }
    suffix = f", {of} {len(trials)}" if of else ""
    return [_row(f"{name}{suffix}", values, finals) for name, values in measures.items()]


def _early(trial: RecordedTrial, bound: float, table: TrialTable) -> Point:
    """The last point within ``bound``."""
    clock = table.study.objective.clock
    return [point for point in trial.curve if point.at(clock) <= bound][-1]


def _rows(when: str, values: Sequence[Values], finals: Finals) -> list[Row]:
    return [
        _row(f"{name}, {when}", [measures.get(name) for measures in values], finals)
        for name in DYNAMICS_MEASURES
    ]


def _lost_rows(
    untrained: Sequence[Values], areas: Sequence[float], per_mparam: Sequence[float]
) -> Iterator[Row]:
    rng = np.random.default_rng(1)
    n_kept = len(untrained) // 2
    halves = [rng.permutation(len(untrained))[:n_kept] for _ in range(N_HALVES)]
    yield _lost("chance", "", halves, areas, per_mparam)
    for name in DYNAMICS_MEASURES:
        values = np.array([measures.get(name, np.nan) for measures in untrained])
        order = np.argsort(values, kind="stable")  # layouts without a measure come last
        order = order[np.isfinite(values[order])]
        yield _lost(name, "low", [order[:n_kept]], areas, per_mparam)
        yield _lost(name, "high", [order[-n_kept:]], areas, per_mparam)


def _lost(
    name: str,
    side: str,
    halves: Sequence[np.ndarray],
    areas: Sequence[float],
    per_mparam: Sequence[float],
) -> Row:
    row: dict[str, Cell] = {"measure": name, "trained": side}
    for title, values in (("AUCC", np.array(areas)), ("per M parameters", np.array(per_mparam))):
        best = np.mean([values[half].max() for half in halves])
        row[f"best {title}, lost"] = f"{1 - best / values.max():.1%}"
    return row


def _row(name: str, values: Sequence[float | None], finals: Finals) -> Row:
    found = rank_correlation(values, finals.areas)
    within = finals.within_a_depth(values)
    return {
        "measure": name,
        "correlation": None if found is None else f"{found.rho:+.2f}",
        "95 % interval": None if found is None else f"{found.low:+.2f} to {found.high:+.2f}",
        "within a depth": None if within is None else f"{within:+.2f}",
        "trials": None if found is None else float(found.n_trials),
    }


if __name__ == "__main__":
    run(measure, __doc__)
