"""The winner seen otherwise: its rank by other denominators, its size, and whether it learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from search.study.folder import StudyFolder
from search.study.ledger import sorted_records
from search.study.ranking import best_trial, comparable
from search.study.trial_record import TrialRecord
from spaces.errors import UserError
from trainable.config import ObjectiveConfig, Parameters
from trainable.data.manifest import Manifest
from trainable.objective import mparams
from trainable.tasks.registry import metric_called

_AUCC = "AUCC alone"


@dataclass(frozen=True, slots=True, kw_only=True)
class WinnerStanding:
    """Standing of the best trial among the compared ones, by what the objective is not."""

    trial: int
    n_compared: int
    ranks: Mapping[str, int]  # by the AUCC for each parameter count, and by AUCC alone, from 1
    n_trials: int  # with a curve: sizes and costs are compared over these
    is_smallest: bool  # by the parameters that the objective counts
    is_cheapest: bool  # FLOPs for a token
    metric: str
    score: float
    floor: float  # score that chance reaches

    @property
    def has_learned(self) -> bool:
        """False if chance would score as well."""
        return self.score > self.floor

    def to_dict(self) -> dict[str, Any]:
        """Value of the key ``standing`` in ``show --json``."""
        return {
            "trial": self.trial,
            "n_compared": self.n_compared,
            "ranks": dict(self.ranks),
            "n_trials": self.n_trials,
            "is_smallest": self.is_smallest,
            "is_cheapest": self.is_cheapest,
            "floor": self.floor,
            "has_learned": self.has_learned,
        }

    def sentences(self) -> list[str]:
        """The standing in sentences."""
        said = []
        if not self.has_learned:
            said.append(
                f"Trial {self.trial} has learned nothing yet: {self.metric} {self.score:.2f} is no "
                f"more than the {self.floor:g} that chance reaches; train longer before you "
                "compare layouts."
            )
        if self.n_compared > 1:
            ranks = ", ".join(f"rank {rank} by {name}" for name, rank in self.ranks.items())
            said.append(f"Trial {self.trial} among {self.n_compared} compared ones: {ranks}.")
        if self.n_trials > 1 and (self.is_smallest or self.is_cheapest):
            words = ["the smallest"] * self.is_smallest + ["the cheapest in FLOPs"] * (
                self.is_cheapest
            )
            said.append(
                f"Trial {self.trial} is {' and '.join(words)} of the {self.n_trials} trials."
            )
        return said


def study_standing(folder: StudyFolder) -> WinnerStanding | None:
    """Standing of the study's best trial; None before one is completed."""
    records = sorted_records(folder.trials)
    return winner_standing(records, folder.config().objective, data=folder.data())


def winner_standing(
    records: Sequence[TrialRecord], objective: ObjectiveConfig, *, data: str
) -> WinnerStanding | None:
    """Standing of the best of ``records``; None if there is none.

    Args:
        data: the study's prepared data; need not be there any more.
    """
    best = best_trial(records, objective)
    if best is None or best.best_score is None:
        return None
    trials = [record for record in records if record.curve]
    sizes = [record.n_mparams for record in trials]
    costs = [_flops_per_token(record) for record in trials]
    return WinnerStanding(
        trial=best.id,
        n_compared=len(comparable(records, objective)),
        ranks=_ranks(best, comparable(records, objective)),
        n_trials=len(trials),
        is_smallest=best.n_mparams <= min(sizes) < max(sizes),
        is_cheapest=_flops_per_token(best) <= min(costs) < max(costs),
        metric=best.metric,
        score=best.best_score,
        floor=score_floor(best.metric, data),
    )


def score_floor(metric: str, data: str) -> float:
    """Score that chance reaches by the metric called ``metric``.

    Of labels it is the share of the most frequent one, as far as the data are there and say it.
    """
    known = metric_called(metric)
    floor = 0.0 if known is None else known.floor
    try:
        return max(floor, Manifest.load(Path(data)).majority_share or 0.0)
    except UserError:
        return floor


def _ranks(best: TrialRecord, compared: Sequence[TrialRecord]) -> dict[str, int]:
    """Rank of ``best`` by each denominator; counts that are equal in every trial share one."""
    by_values: dict[tuple[float, ...], list[str]] = {}
    for way in get_args(Parameters):
        values = tuple((r.aucc or 0.0) / mparams(r.counts, way) for r in (best, *compared))
        by_values.setdefault(values, []).append(way)
    named = {
        f"AUCC per million {' = '.join(ways)} parameters": values
        for values, ways in by_values.items()
    }
    named[_AUCC] = tuple(r.aucc or 0.0 for r in (best, *compared))
    return {name: 1 + sum(v > own for v in others) for name, (own, *others) in named.items()}


def _flops_per_token(record: TrialRecord) -> float:
    last = record.curve[-1]
    return last.flops / last.tokens
