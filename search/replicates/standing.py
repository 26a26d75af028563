"""An entrant's values over its seeds, and whatever keeps it from winning."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from search.replicates.entrant import Entrant
from search.stats.significance import Interval
from search.study.bounds import is_within, score_shortfall, size_excess
from search.study.trial_record import TrialRecord
from trainable.config import ObjectiveConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Values of an entrant's completed trials, and its failed ones."""

    entrant: Entrant
    by_seed: Mapping[str, Mapping[int, float]]  # measure to seed to value, completed trials alone
    n_seeds: int  # completed
    n_failed: int
    broken_bound: str | None  # the study's bound that the entrant breaks, in words

    @property
    def can_win(self) -> bool:
        """True if all its seeds were completed, at least one, within the study's bounds."""
        return self.broken_bound is None and self.n_failed == 0 and self.n_seeds > 0

    @property
    def values(self) -> dict[str, Interval]:
        """Means by measure; empty if no trial was completed."""
        return {
            measure: Interval.of(list(values.values()))
            for measure, values in self.by_seed.items()
            if values
        }

    def common(self, other: Standing, measure: str) -> tuple[list[float], list[float]]:
        """Values of both on the seeds that both completed, in order of seed."""
        mine, theirs = self.by_seed[measure], other.by_seed[measure]
        seeds = sorted(mine.keys() & theirs.keys())
        return [mine[seed] for seed in seeds], [theirs[seed] for seed in seeds]


def standing_of(
    entrant: Entrant,
    records: Sequence[TrialRecord],
    measures: Mapping[str, Callable[[TrialRecord], float | None]],
    objective: ObjectiveConfig,
) -> Standing:
    """Standing of ``entrant`` by its trials among ``records``."""
    completed = entrant.completed(records)
    return Standing(
        entrant=entrant,
        by_seed={
            name: {
                record.config.seed: value
                for record in completed
                if (value := measure(record)) is not None
            }
            for name, measure in measures.items()
        },
        n_seeds=len(completed),
        n_failed=sum(record.state == "failed" for record in entrant.trials(records)),
        broken_bound=_broken_bound(completed, objective),
    )


def _broken_bound(completed: Sequence[TrialRecord], objective: ObjectiveConfig) -> str | None:
    """Bound that the mean score or the size breaks; None without one, or without a trial."""
    if not completed:
        return None
    size = completed[0].n_mparams
    if not is_within(size_excess(objective, size)):
        return f"{size:.4g} M parameters, above max_mparams = {objective.max_mparams:g}"
    score = fmean(record.best_score or 0.0 for record in completed)
    if not is_within(score_shortfall(objective, score)):
        return f"mean score {score:.4g}, below min_score = {objective.min_score}"
    return None
