"""Comparison of the entrants over their seeds: the leader, and whether it is significantly best."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import fmean
from types import MappingProxyType

from search.replicates.entrant import Entrant
from search.replicates.lineup import Lineup
from search.replicates.standing import Standing, standing_of
from search.stats.alpha_spending import nominal_levels
from search.stats.seed_test import SeedTest
from search.stats.significance import Comparison, seeds_to_see
from search.study.trial_record import TrialRecord
from trainable.config import ObjectiveConfig

N_SEEDS_AT_FIRST_LOOK = 3  # a standard deviation from two seeds is too uncertain

Measure = Callable[[TrialRecord], float | None]

COMPARED_MEASURES: Mapping[str, Measure] = MappingProxyType(
    {
        # One that falls stands with a minus, so that higher is better.
        "objective": lambda record: None if record.objective is None else record.gain,
        "AUCC": lambda record: record.aucc,
        "score": lambda record: record.best_score,
    }
)
DECIDING = "objective"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """Standings of the entrants, leader first, and the winner if there is one."""

    standings: tuple[Standing, ...]
    winner: Entrant | None
    n_seeds: int  # of each entrant at this look
    looks: tuple[int, ...]  # numbers of seeds after which the results may end the training
    tests: Mapping[str, SeedTest]  # by measure

    @property
    def level(self) -> float:
        """Nominal significance level of this look; before the first look, of that."""
        levels = dict(zip(self.looks, nominal_levels(self.looks), strict=True))
        return levels[max(self.n_seeds, self.looks[0])]

    @property
    def leader(self) -> Standing:
        return self.standings[0]

    @property
    def compared(self) -> tuple[Standing, ...]:
        """Entrants that the leader has to beat: all others within the study's bounds."""
        return tuple(other for other in self.standings[1:] if other.broken_bound is None)

    def comparison(self, one: Standing, other: Standing, measure: str) -> Comparison | None:
        """``one`` minus ``other`` at this look's level; None with under two common seeds."""
        difference = self.tests[measure].difference(*one.common(other, measure))
        return None if difference is None else difference.comparison(self.level)

    def is_beaten(self, rival: Standing) -> bool:
        """True if the leader is significantly better, or too many of the rival's seeds failed."""
        lead = self.comparison(self.leader, rival, DECIDING)
        if lead is None:
            return self.leader.n_failed == 0 and rival.n_failed > 0
        return lead.difference > 0 and lead.p < self.level

    def n_seeds_needed(self, rival: Standing) -> int | None:
        """Seeds that would make a lead of this size significant; None without a lead."""
        test = self.tests[DECIDING]
        lead = test.difference(*self.leader.common(rival, DECIDING))
        if lead is None or lead.mean <= 0:
            return None
        return seeds_to_see(
            lead.mean,
            deviation=lead.deviation,
            significance=nominal_levels(self.looks)[-1] / test.factor,
            is_paired=test.is_paired,
        )


def looks_at(n_seeds_at_most: int) -> tuple[int, ...]:
    """Numbers of seeds after which there is a look: each from the third on."""
    return tuple(range(min(N_SEEDS_AT_FIRST_LOOK, n_seeds_at_most), n_seeds_at_most + 1))


def contest(
    lineup: Lineup, records: Sequence[TrialRecord], objective: ObjectiveConfig
) -> Contest | None:
    """The first look that names a winner, or else the last one; None without a completed trial.

    A look takes the seeds with which all entrants' trials have ended. Before the first look the
    standings are those of all trials so far.
    """
    if not any(record.state == "completed" for record in records):
        return None
    looks = looks_at(len(lineup.seeds))
    n_ended = n_seeds_ended(lineup, records)
    for n_seeds in (look for look in looks if look <= n_ended):
        result = contest_at(lineup, records, objective, n_seeds=n_seeds)
        if result.winner is not None:
            return result
    if n_ended >= looks[0]:
        return result
    begun = _contest(lineup.entrants, records, objective, looks, n_seeds=n_ended)
    return replace(begun, winner=None)


def contest_at(
    lineup: Lineup, records: Sequence[TrialRecord], objective: ObjectiveConfig, *, n_seeds: int
) -> Contest:
    """The contest when each entrant had ``n_seeds`` seeds, whatever has ended since.

    The leader has the highest mean of the deciding measure among the entrants that completed all
    seeds and are within the study's bounds. It wins if a t-test finds it better than each of the
    others within the bounds: an intersection-union test, whose error is that of one test, so that
    p needs no correction for their number. The looks share it by alpha spending.

    Source:
        R. L. Berger (1982), Multiparameter hypothesis testing and acceptance sampling.
    """
    seen = [record for record in records if record.config.seed in lineup.seeds[:n_seeds]]
    return _contest(lineup.entrants, seen, objective, looks_at(len(lineup.seeds)), n_seeds=n_seeds)


def n_seeds_ended(lineup: Lineup, records: Sequence[TrialRecord]) -> int:
    """Number of seeds, from the first on, with which all entrants' trials have ended."""
    ended = {record.key for record in records if record.state != "running"}
    n_seeds = 0
    for seed in lineup.seeds:
        if not all(entrant.key(seed) in ended for entrant in lineup.entrants):
            break
        n_seeds += 1
    return n_seeds


def _contest(
    entrants: Sequence[Entrant],
    records: Sequence[TrialRecord],
    objective: ObjectiveConfig,
    looks: tuple[int, ...],
    *,
    n_seeds: int,
) -> Contest:
    standings = sorted(
        (standing_of(entrant, records, COMPARED_MEASURES, objective) for entrant in entrants),
        key=lambda standing: (not standing.can_win, -_mean(standing)),
    )
    within = [standing for standing in standings if standing.broken_bound is None]
    undecided = Contest(
        standings=tuple(standings),
        winner=None,
        n_seeds=n_seeds,
        looks=looks,
        tests={
            measure: SeedTest.of(
                [one.common(other, measure) for one, other in combinations(within, 2)]
            )
            for measure in COMPARED_MEASURES
        },
    )
    rivals = undecided.compared
    is_won = undecided.leader.can_win and bool(rivals) and all(map(undecided.is_beaten, rivals))
    return replace(undecided, winner=undecided.leader.entrant) if is_won else undecided


def _mean(standing: Standing) -> float:
    values = standing.by_seed[DECIDING].values()
    return fmean(values) if values else float("-inf")
