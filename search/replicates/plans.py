"""Which replicates are wanted: all there are, or more until the leader is separated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from search.replicates.contest import N_SEEDS_AT_FIRST_LOOK, contest
from search.replicates.entrant import Entrant
from search.replicates.searcher import Replicate
from search.trial_record import TrialRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class AllSeeds:
    """Every entrant with every seed, a seed at a time."""

    entrants: Sequence[Entrant]
    seeds: Sequence[int]

    def __call__(self, records: Sequence[TrialRecord]) -> list[Replicate]:
        return [Replicate(entrant=e, seed=seed) for seed in self.seeds for e in self.entrants]


@dataclass(frozen=True, slots=True, kw_only=True)
class UntilSeparated:
    """Every entrant with one seed more, until the leader is separated from all others."""

    entrants: Sequence[Entrant]
    seeds: Sequence[int]

    def __call__(self, records: Sequence[TrialRecord]) -> list[Replicate]:
        wanted: list[Replicate] = []
        for n_seeds, seed in enumerate(self.seeds, start=1):
            wanted += [Replicate(entrant=entrant, seed=seed) for entrant in self.entrants]
            ended = {record.key for record in records if record.state != "running"}
            if not all(replicate.key in ended for replicate in wanted):
                return wanted
            if n_seeds >= N_SEEDS_AT_FIRST_LOOK and self._is_separated(records, n_seeds):
                return wanted
        return wanted

    def _is_separated(self, records: Sequence[TrialRecord], n_seeds: int) -> bool:
        """Whether the leader was separated when each entrant had ``n_seeds``."""
        seen = [record for record in records if record.config["seed"] in self.seeds[:n_seeds]]
        return contest(self.entrants, seen, n_seeds_at_most=len(self.seeds)).winner is not None
