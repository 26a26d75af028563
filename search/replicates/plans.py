"""Plans of the replicates to train: all, or more seeds until the leader is significantly best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from search.replicates.contest import contest_at, looks_at, n_seeds_ended
from search.replicates.entrant import Entrant
from search.replicates.lineup import Lineup
from search.study.trial_record import TrialRecord
from trainable.config import ObjectiveConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Replicate:
    """An entrant with one seed."""

    entrant: Entrant
    seed: int

    @property
    def key(self) -> str:
        return self.entrant.key(self.seed)


class Plan(Protocol):
    """Choice of the replicates to train, in the order of training."""

    @property
    def lineup(self) -> Lineup:
        """All entrants and seeds that may be trained."""

    @property
    def n_seeds_at_least(self) -> int:
        """Number of seeds that every entrant gets, whatever the results."""

    @property
    def n_together(self) -> int:
        """Most trials that may run at once."""

    def __call__(self, records: Sequence[TrialRecord]) -> list[Replicate]:
        """Replicates to train, given the trials so far; trained ones are included.

        They depend on these trials alone, so that the driver after an interruption continues the
        same plan.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class AllSeeds:
    """Plan that trains every entrant with every seed, one seed after another."""

    lineup: Lineup

    @property
    def n_seeds_at_least(self) -> int:
        return len(self.lineup.seeds)

    @property
    def n_together(self) -> int:
        return self.lineup.n_trials

    def __call__(self, records: Sequence[TrialRecord]) -> list[Replicate]:
        return replicates(self.lineup, n_seeds=len(self.lineup.seeds))


@dataclass(frozen=True, slots=True, kw_only=True)
class UntilSeparated:
    """Plan that adds seeds until the leader is significantly better than all others."""

    lineup: Lineup
    objective: ObjectiveConfig

    @property
    def n_seeds_at_least(self) -> int:
        # A single entrant has no other to be compared with.
        return self._looks[0] if len(self.lineup.entrants) > 1 else len(self.lineup.seeds)

    @property
    def n_together(self) -> int:
        return len(self.lineup.entrants)

    def __call__(self, records: Sequence[TrialRecord]) -> list[Replicate]:
        n_ended = n_seeds_ended(self.lineup, records)
        for look in self._looks:
            if look <= n_ended and self._is_separated(records, look):
                return replicates(self.lineup, n_seeds=look)
        return replicates(self.lineup, n_seeds=min(n_ended + 1, len(self.lineup.seeds)))

    @property
    def _looks(self) -> tuple[int, ...]:
        return looks_at(len(self.lineup.seeds))

    def _is_separated(self, records: Sequence[TrialRecord], n_seeds: int) -> bool:
        """True if the leader was significantly best when each entrant had ``n_seeds`` seeds."""
        result = contest_at(self.lineup, records, self.objective, n_seeds=n_seeds)
        return result.winner is not None


def replicates(lineup: Lineup, *, n_seeds: int) -> list[Replicate]:
    """Replicates of every entrant with the first ``n_seeds`` seeds, one seed after another."""
    return [
        Replicate(entrant=entrant, seed=seed)
        for seed in lineup.seeds[:n_seeds]
        for entrant in lineup.entrants
    ]


def trials_ahead(plan: Plan, records: Sequence[TrialRecord]) -> tuple[int, int]:
    """Least and greatest number of trials that are still to be trained.

    Interrupted trials count as whole ones.
    """
    ended = {record.key for record in records if record.state != "running"}
    interrupted = {record.key for record in records if record.state == "running"}
    wanted = {replicate.key for replicate in plan(records)} - ended
    if not wanted:  # the leader is separated, or all seeds are trained
        return len(interrupted), len(interrupted)
    wanted |= interrupted
    certain, possible = (
        {replicate.key for replicate in replicates(plan.lineup, n_seeds=n_seeds)} - ended
        for n_seeds in (plan.n_seeds_at_least, len(plan.lineup.seeds))
    )
    return len(wanted | certain), len(wanted | possible)
