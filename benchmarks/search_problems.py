"""Search problems over recorded tables: what is searched, and how far a search has come."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import fmean
from typing import Any

from benchmarks.machine import ROOT
from search.replay.recorded_studies import open_table
from search.replay.scores import candidate_values
from search.replay.trial_table import TrialTable, recorded_settings
from search.stats.hypervolume import Gains, hypervolume
from search.study.config import StudyConfig, study_from
from search.study.ranking import best_trial
from search.study.trial_record import TrialRecord
from trainable.objective import Progress, objective_values

TABLES = ROOT / "benchmarks" / "tables"
TABLE = TABLES / "multi30k-small.jsonl.gz"
SEEDS_TABLE = TABLES / "multi30k-small-seeds.jsonl.gz"
DEPTH8_TABLE = TABLES / "multi30k-depth8.jsonl.gz"

MIN_SEEDS = 3  # recorded seeds of a layout whose mean counts as its true worth
# Bounds of size in millions of parameters, and the depth of the encoders under them.
MAX_SIZES = {"multi30k-small": (0.35, 6), "multi30k-depth8": (0.26, 8)}
SHARE_TRAINED = 0.4  # updates of a search over replicated layouts, as a share of training all


@dataclass(frozen=True, kw_only=True)
class Problem(ABC):
    """A part of a table's space, searched for an objective."""

    name: str
    table: TrialTable
    config: StudyConfig

    @property
    @abstractmethod
    def within(self) -> float:
        """The shortfall at which a search has come there."""

    @property
    def max_updates(self) -> float:
        """Updates after which a search ends and is judged; infinite where it is to come there."""
        return float("inf")

    @abstractmethod
    def shortfall(self, completed: Sequence[TrialRecord]) -> float:
        """Share of the best value possible that the completed trials miss, by recorded means."""


@dataclass(frozen=True, kw_only=True)
class BestLayout(Problem):
    """The layout with the best objective: that of the best trial."""

    @property
    def within(self) -> float:
        return 0.01

    @cached_property
    def values(self) -> Mapping[str, float]:
        """Mean gain of each layout over its recorded seeds, by key."""
        return candidate_values(self.table, self.config)

    def shortfall(self, completed: Sequence[TrialRecord]) -> float:
        best = best_trial(completed, self.config.objective)
        if best is None:
            return 1.0
        possible = max(self.values.values())
        return (possible - self.values.get(best.key, 0.0)) / abs(possible)


@dataclass(frozen=True, kw_only=True)
class NamedLayout(BestLayout):
    """The same over layouts of several seeds, judged after a number of updates."""

    @property
    def max_updates(self) -> float:
        n_updates = self.config.budget.updates
        assert n_updates is not None
        return SHARE_TRAINED * len(self.values) * n_updates


@dataclass(frozen=True, kw_only=True)
class Front(Problem):
    """The front of two objectives, by its hypervolume above the worst values of the table."""

    @property
    def within(self) -> float:
        return 0.02

    @cached_property
    def gains(self) -> Mapping[str, Gains]:
        """Mean gains of each layout over its recorded seeds, by key."""
        objective = self.config.objective
        found = {}
        for key, trials in self.table.by_key.items():
            values = [
                objective_values(
                    objective,
                    Progress(curve=trial.curve, aucc=self.table.area(trial), counts=trial.counts),
                )
                for trial in trials
            ]
            means = map(fmean, zip(*values, strict=True))
            goals = zip(objective.goals, means, strict=True)
            found[key] = tuple(goal.gain(mean) for goal, mean in goals)
        return found

    @cached_property
    def worst(self) -> Gains:
        """The worst gain in each objective."""
        return tuple(map(min, zip(*self.gains.values(), strict=True)))

    @cached_property
    def possible(self) -> float:
        """Hypervolume of the whole table's front."""
        return hypervolume(list(self.gains.values()), self.worst)

    def shortfall(self, completed: Sequence[TrialRecord]) -> float:
        found = [self.gains[record.key] for record in completed]
        return 1 - hypervolume(found, self.worst) / self.possible


def problems() -> list[Problem]:
    """All problems, of each table that is there."""
    first = open_table(str(TABLE))
    found: list[Problem] = [
        BestLayout(
            name=f"{objective} over updates, encoders of depth {', '.join(map(str, depths))}",
            table=first,
            config=_study(first, {"name": objective}, space={"depth": depths}),
        )
        for objective, depths in (
            ("aucc_per_mparam", [2, 4, 6]),
            ("aucc", [2, 4, 6]),
            ("aucc", [4, 6]),
            ("aucc", [6]),
        )
    ]
    replicates = open_table(str(SEEDS_TABLE)).trials
    found += _others(first, replace(first, trials=(*first.trials, *replicates)))
    if DEPTH8_TABLE.exists():
        deep = open_table(str(DEPTH8_TABLE))
        once = replace(deep, trials=tuple(trials[0] for trials in deep.by_key.values()))
        found += [
            BestLayout(
                name=f"{objective} over updates, encoders of depth 8",
                table=once,  # as the first table: 20 of the layouts have two seeds more
                config=_study(deep, {"name": objective}),
            )
            for objective in ("aucc_per_mparam", "aucc")
        ]
        found += _others(once, deep)
    return found


def _others(table: TrialTable, replicated: TrialTable) -> list[Problem]:
    """The problems that every table has: under a bound of size, of a front, without noise."""
    where = name_of(table)
    bound, depth = MAX_SIZES[where]
    n_seeds = {key: len(trials) for key, trials in replicated.by_key.items()}
    layouts = [
        str(trials[0].candidate.encoder)
        for key, trials in replicated.by_key.items()
        if n_seeds[key] >= MIN_SEEDS
    ]
    found: list[Problem] = [
        BestLayout(
            name=f"best score, encoders of depth {depth}, at most {bound} million parameters",
            table=table,
            config=_study(table, {"name": "score", "max_mparams": bound}, space={"depth": [depth]}),
        ),
        Front(
            name=f"front of best score and parameters ({where})",
            table=table,
            config=_study(table, {"name": "pareto", "of": ["score", "mparams_total"]}),
        ),
    ]
    if layouts:
        listed = {"encoder": layouts, "decoder_depth": list(table.study.space.decoder_depth)}
        found += [
            NamedLayout(
                name=f"{objective}, {len(layouts)} layouts of three seeds each ({where})",
                table=replicated,
                config=_study(table, {"name": objective}, listed=listed),
            )
            for objective in ("aucc_per_mparam", "aucc")
        ]
    return found


def _study(
    table: TrialTable,
    objective: Mapping[str, Any],
    *,
    space: Mapping[str, Any] | None = None,
    listed: Mapping[str, Any] | None = None,
) -> StudyConfig:
    """The recorded study or a part of its space, searched with the defaults."""
    recorded = recorded_settings(table.study)
    settings = {
        **recorded,
        "space": listed or {**recorded["space"], **(space or {})},
        "objective": {"clock": "updates", **objective},
        "search": {"n_trials": len(table.by_key)},  # then all could have been trained
    }
    return study_from(settings, "the table's study")


def name_of(table: TrialTable) -> str:
    """Name of a table's file, by the depths of its encoders."""
    return "multi30k-depth8" if table.study.space.depth == (8,) else "multi30k-small"
