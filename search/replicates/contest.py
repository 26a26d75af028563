"""Who leads among the entrants, and whether the seeds so far separate it from the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from search.replicates.entrant import Entrant
from search.stats.significance import (
    SIGNIFICANCE,
    Comparison,
    Interval,
    holm,
    pooled_deviation,
    seeds_to_see,
    welch,
)
from search.study.trial_record import TrialRecord

N_SEEDS_AT_FIRST_LOOK = 3  # two seeds' deviation says next to nothing

Measure = Callable[[TrialRecord], float | None]

COMPARED_MEASURES: dict[str, Measure] = {
    "objective": lambda record: record.objective,
    "AUCC": lambda record: record.aucc,
    "score": lambda record: record.best_score,
}
DECIDING = "objective"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An entrant's values, and how the leader compares with it."""

    entrant: Entrant
    n_seeds: int
    values: dict[str, Interval]  # by measure; empty where no trial was completed
    leads_by: dict[str, Comparison]  # of the leader, by measure; empty for the leader itself
    adjusted: dict[str, float]  # p by measure, after Holm, over the entrants


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """The entrants, the leader first, and the winner if there is one."""

    standings: tuple[Standing, ...]
    winner: Entrant | None
    n_looks: int  # at the results, each of which could have ended the contest

    @property
    def significance(self) -> float:
        """Of each look: they share what there is (Bonferroni)."""
        return SIGNIFICANCE / self.n_looks

    def is_beaten(self, rival: Standing) -> bool:
        """Whether the leader is separated from ``rival``."""
        return rival.adjusted.get(DECIDING, 1.0) < self.significance

    def n_seeds_needed(self, rival: Standing) -> int | None:
        """Seeds a side that would show the leader's lead; None where none is seen."""
        seen = rival.leads_by.get(DECIDING)
        if seen is None or seen.difference == 0:
            return None
        sides = (self.standings[0].values[DECIDING], rival.values[DECIDING])
        deviation = pooled_deviation(*sides)
        assert deviation is not None  # or there were no comparison
        return seeds_to_see(seen.difference, deviation=deviation, significance=self.significance)


def contest(
    entrants: Sequence[Entrant], records: Sequence[TrialRecord], *, n_seeds_at_most: int
) -> Contest:
    """How the entrants stand by the mean of the deciding measure.

    The leader wins when Welch's test, adjusted for the number of rivals (Holm) and for the
    number of looks at growing results (Bonferroni), separates it from every other entrant.

    Args:
        n_seeds_at_most: seeds an entrant can get: there is a look after each from the
            third on.
    """
    trials = {entrant.name: entrant.completed(records) for entrant in entrants}
    order = sorted(entrants, key=lambda entrant: -_mean(trials[entrant.name]))
    n_looks = max(1, n_seeds_at_most - N_SEEDS_AT_FIRST_LOOK + 1)
    if not order or not trials[order[0].name]:
        return Contest(standings=(), winner=None, n_looks=n_looks)
    leader, *rivals = order
    compared = {
        measure: _compare(trials[leader.name], [trials[r.name] for r in rivals], value)
        for measure, value in COMPARED_MEASURES.items()
    }
    standings = [_standing(leader, trials[leader.name], {})]
    for place, rival in enumerate(rivals):
        against = {measure: told[place] for measure, told in compared.items() if told}
        standings.append(_standing(rival, trials[rival.name], against))
    told = Contest(standings=tuple(standings), winner=None, n_looks=n_looks)
    is_separated = bool(rivals) and all(map(told.is_beaten, standings[1:]))
    return replace(told, winner=leader) if is_separated else told


def _compare(
    leader: Sequence[TrialRecord], rivals: Sequence[Sequence[TrialRecord]], value: Measure
) -> list[tuple[Comparison, float]] | None:
    """The leader against each rival, with p after Holm; None where a side has one value."""
    compared = [welch(_values(leader, value), _values(rival, value)) for rival in rivals]
    told = [comparison for comparison in compared if comparison is not None]
    if len(told) < len(compared):
        return None
    return list(zip(told, holm([comparison.p for comparison in told]), strict=True))


def _standing(
    entrant: Entrant,
    trials: Sequence[TrialRecord],
    against: dict[str, tuple[Comparison, float]],
) -> Standing:
    return Standing(
        entrant=entrant,
        n_seeds=len(trials),
        values={
            measure: Interval.of(_values(trials, value))
            for measure, value in COMPARED_MEASURES.items()
            if trials
        },
        leads_by={measure: comparison for measure, (comparison, _) in against.items()},
        adjusted={measure: p for measure, (_, p) in against.items()},
    )


def _values(trials: Sequence[TrialRecord], value: Measure) -> list[float]:
    return [told for record in trials if (told := value(record)) is not None]


def _mean(trials: Sequence[TrialRecord]) -> float:
    return fmean(_values(trials, COMPARED_MEASURES[DECIDING])) if trials else float("-inf")
