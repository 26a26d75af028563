"""Which replicates are wanted: all there are, or more until the leader is separated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from search.replicates.contest import N_SEEDS_AT_FIRST_LOOK, contest
from search.replicates.lineup import Lineup
from search.replicates.replicate_trials import Replicate
from search.study.trial_record import TrialRecord


class Plan(Protocol):
    """Replicates of a lineup, in the order of training."""

    @property
    def lineup(self) -> Lineup:
        """All that may take part."""

    @property
    def n_seeds_at_least(self) -> int:
        """Seeds that every entrant gets, whatever comes out."""

    @property
    def n_together(self) -> int:
        """Trials that may run at once."""

    def __call__(self, records: Sequence[TrialRecord]) -> list[Replicate]:
        """Those that are wanted as far as ``records`` tell, the trained ones included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AllSeeds:
    """Every entrant with every seed, a seed at a time."""

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
    """Every entrant with one seed more, until the leader is separated from all others."""

    lineup: Lineup

    @property
    def n_seeds_at_least(self) -> int:
        n_seeds = len(self.lineup.seeds)
        # A single entrant has nobody to be separated from.
        return min(N_SEEDS_AT_FIRST_LOOK, n_seeds) if len(self.lineup.entrants) > 1 else n_seeds

    @property
    def n_together(self) -> int:
        return len(self.lineup.entrants)

    def __call__(self, records: Sequence[TrialRecord]) -> list[Replicate]:
        ended = {record.key for record in records if record.state != "running"}
        wanted: list[Replicate] = []
        for n_seeds in range(1, len(self.lineup.seeds) + 1):
            wanted = replicates(self.lineup, n_seeds=n_seeds)
            if not all(replicate.key in ended for replicate in wanted):
                break
            if n_seeds >= N_SEEDS_AT_FIRST_LOOK and self._is_separated(records, n_seeds):
                break
        return wanted

    def _is_separated(self, records: Sequence[TrialRecord], n_seeds: int) -> bool:
        """Whether the leader was separated when each entrant had ``n_seeds``."""
        entrants, seeds = self.lineup.entrants, self.lineup.seeds
        seen = [record for record in records if record.config.seed in seeds[:n_seeds]]
        return contest(entrants, seen, n_seeds_at_most=len(seeds)).winner is not None


def replicates(lineup: Lineup, *, n_seeds: int) -> list[Replicate]:
    """Every entrant with the first seeds, a seed at a time."""
    return [
        Replicate(entrant=entrant, seed=seed)
        for seed in lineup.seeds[:n_seeds]
        for entrant in lineup.entrants
    ]


def trials_ahead(plan: Plan, records: Sequence[TrialRecord]) -> tuple[int, int]:
    """How many trials are still to be trained to their ends, at least and at most."""
    ended = {record.key for record in records if record.state != "running"}
    interrupted = {record.key for record in records if record.state == "running"}
    wanted = {replicate.key for replicate in plan(records)} - ended | interrupted
    if not wanted:
        return 0, 0
    certain, possible = (
        {replicate.key for replicate in replicates(plan.lineup, n_seeds=n_seeds)} - ended
        for n_seeds in (plan.n_seeds_at_least, len(plan.lineup.seeds))
    )
    return len(wanted | certain), len(wanted | possible)
