"""Comparison of the entrants over their seeds: the leader, and whether it is significantly best."""

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

N_SEEDS_AT_FIRST_LOOK = 3  # a standard deviation from two seeds is too uncertain

Measure = Callable[[TrialRecord], float | None]

COMPARED_MEASURES: dict[str, Measure] = {
    "objective": lambda record: record.objective,
    "AUCC": lambda record: record.aucc,
    "score": lambda record: record.best_score,
}
DECIDING = "objective"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Mean values of an entrant, and the leader's difference to it."""

    entrant: Entrant
    n_seeds: int  # completed
    values: dict[str, Interval]  # by measure; empty if no trial was completed
    leads_by: dict[str, Comparison]  # leader minus entrant, by measure; empty for the leader
    adjusted: dict[str, float]  # p-value by measure, with Holm's correction over the entrants


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """Standings of the entrants, leader first, and the winner if there is one."""

    standings: tuple[Standing, ...]
    winner: Entrant | None
    n_looks: int  # interim looks at the results, each of which may end the training

    @property
    def significance(self) -> float:
        """Significance level of one look (Bonferroni over the looks)."""
        return SIGNIFICANCE / self.n_looks

    def is_beaten(self, rival: Standing) -> bool:
        """True if the leader is significantly better than ``rival`` in the deciding measure."""
        return rival.adjusted.get(DECIDING, 1.0) < self.significance

    def n_seeds_needed(self, rival: Standing) -> int | None:
        """Seeds per side that would make a lead of this size significant; None without a lead."""
        lead = rival.leads_by.get(DECIDING)
        if lead is None or lead.difference == 0:
            return None
        sides = (self.standings[0].values[DECIDING], rival.values[DECIDING])
        deviation = pooled_deviation(*sides)
        assert deviation is not None  # a comparison needs two values a side
        return seeds_to_see(lead.difference, deviation=deviation, significance=self.significance)


def contest(
    entrants: Sequence[Entrant], records: Sequence[TrialRecord], *, n_seeds_at_most: int
) -> Contest:
    """Rank the entrants by the mean of the deciding measure, and test the leader's lead.

    The leader wins if Welch's t-test against every other entrant is significant, corrected for
    the number of rivals (Holm) and for the number of interim looks (Bonferroni).

    Args:
        n_seeds_at_most: most seeds of an entrant; there is a look after each seed from the
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
        against = {measure: tests[place] for measure, tests in compared.items() if tests}
        standings.append(_standing(rival, trials[rival.name], against))
    undecided = Contest(standings=tuple(standings), winner=None, n_looks=n_looks)
    is_separated = bool(rivals) and all(map(undecided.is_beaten, standings[1:]))
    return replace(undecided, winner=leader) if is_separated else undecided


def _compare(
    leader: Sequence[TrialRecord], rivals: Sequence[Sequence[TrialRecord]], value: Measure
) -> list[tuple[Comparison, float]] | None:
    """Leader against each rival, with p after Holm; None if a side has fewer than two values."""
    compared = [welch(_values(leader, value), _values(rival, value)) for rival in rivals]
    known = [comparison for comparison in compared if comparison is not None]
    if len(known) < len(compared):
        return None
    return list(zip(known, holm([comparison.p for comparison in known]), strict=True))


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
    return [number for record in trials if (number := value(record)) is not None]


def _mean(trials: Sequence[TrialRecord]) -> float:
    return fmean(record.gain for record in trials) if trials else float("-inf")
