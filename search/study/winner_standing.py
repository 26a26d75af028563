"""The winner seen otherwise: its rank by other denominators, its size, and whether it learned."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from search.study.ranking import best_trial, comparable
from search.study.trial_record import TrialRecord
from spaces.errors import UserError
from trainable.config import ObjectiveConfig, Parameters
from trainable.data.manifest import Manifest
from trainable.data.mismatched import mismatched_score
from trainable.data.unigrams import unigram_bits_saved
from trainable.metrics.bits_saved import BITS_SAVED
from trainable.metrics.names import DataMetric
from trainable.objective import mparams
from trainable.tasks.registry import metric_called

_AUCC = "AUCC alone"
_ROUNDING = 1e-9  # relative; FLOPs of equal models are summed in different orders


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Size of one model, and its cost."""

    n_mparams: float  # as the objective counts them
    flops: float  # for a token


@dataclass(frozen=True, slots=True, kw_only=True)
class Sized:
    """A model among others."""

    own: Size
    others: Sequence[Size]


SizedInSpace = Callable[[TrialRecord], Sized | None]  # None where the space's sizes are not known


@dataclass(frozen=True, slots=True, kw_only=True)
class WinnerStanding:
    """Standing of the best trial among the compared ones, by what the objective is not."""

    trial: int
    n_compared: int
    ranks: Mapping[str, int]  # by the AUCC for each parameter count, and by AUCC alone, from 1
    n_trials: int  # with a curve
    among: Literal["space", "trials"]  # models that its size and cost are compared with
    parameters: Parameters  # that the objective counts
    is_smallest: bool | None  # by these parameters; None where all models have as many
    is_cheapest: bool | None  # FLOPs for a token; None where all models cost the same
    metric: str
    score: float
    floor: float  # score that is reached without learning

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
            "among": self.among,
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
                f"more than the {self.floor:.2f} that is reached without learning; train longer "
                "before you compare layouts."
            )
        if self.n_compared > 1:
            ranks = ", ".join(f"rank {rank} by {name}" for name, rank in self.ranks.items())
            said.append(f"Trial {self.trial} among {self.n_compared} compared ones: {ranks}.")
        said += self._size_sentences()
        return said

    def _size_sentences(self) -> list[str]:
        """One sentence on size and cost; none where all models are alike in both."""
        marks = [
            (self.is_smallest, f"the smallest by {self.parameters} parameters"),
            (self.is_cheapest, "the cheapest in FLOPs"),
        ]
        is_ = [words for mark, words in marks if mark]
        is_not = [words for mark, words in marks if mark is False]
        if not is_ and not is_not:
            return []
        if is_ and is_not:
            words = f"{is_[0]}, but not {is_not[0]},"
        elif is_:
            words = " and ".join(is_)
        else:
            words = f"neither {is_not[0]} nor {is_not[1]}" if is_not[1:] else f"not {is_not[0]}"
        if self.among == "space":
            models = "of the space"
        else:
            models = f"of the {self.n_trials} trials; how it is in the whole space is not known"
        return [f"Trial {self.trial} is {words} {models}."]


def winner_standing(
    records: Sequence[TrialRecord],
    objective: ObjectiveConfig,
    *,
    data: str,
    in_space: SizedInSpace,
) -> WinnerStanding | None:
    """Standing of the best of ``records``; None if there is none.

    Args:
        data: the study's prepared data; need not be there any more.
        in_space: sizes of the space's models. It is asked only where the trials leave open whether
            the best one is the smallest or the cheapest.
    """
    best = best_trial(records, objective)
    if best is None or best.best_score is None:
        return None
    trials = [record for record in records if record.curve]
    searched = _sized(best, [record for record in trials if record.is_of_the_space])
    open_ = _is_least(searched, _n_mparams), _is_least(searched, _flops)
    sized = searched if open_ == (False, False) else in_space(best)
    shown = _sized(best, trials) if sized is None else sized
    return WinnerStanding(
        trial=best.id,
        n_compared=len(comparable(records, objective)),
        ranks=_ranks(best, comparable(records, objective)),
        n_trials=len(trials),
        among="trials" if sized is None else "space",
        parameters=objective.parameters,
        is_smallest=_is_least(shown, _n_mparams),
        is_cheapest=_is_least(shown, _flops),
        metric=best.metric,
        score=best.best_score,
        floor=score_floor(best.metric, data),
    )


def score_floor(metric: str, data: str) -> float:
    """Score that is reached without learning, by the metric called ``metric``.

    Of labels it is the share of the most frequent one, of masked words what their frequencies
    save, of text what the references of other examples score, as far as the data are there.
    """
    known = metric_called(metric)
    floor = 0.0 if known is None else known.floor
    try:
        if known is BITS_SAVED:
            return unigram_bits_saved(Path(data))
        if metric in get_args(DataMetric):
            return max(floor, mismatched_score(Path(data), metric))
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


def _sized(best: TrialRecord, trials: Sequence[TrialRecord]) -> Sized:
    """``best`` among ``trials``."""
    return Sized(own=_size(best), others=[_size(record) for record in trials])


def _size(record: TrialRecord) -> Size:
    first = record.curve[0]  # before AutoFreeze has frozen anything
    return Size(n_mparams=record.n_mparams, flops=first.flops / first.tokens)


def _is_least(sized: Sized, of: Callable[[Size], float]) -> bool | None:
    """True if no other model has less; None if all have the same."""
    values = [of(size) for size in (sized.own, *sized.others)]
    least = min(values) * (1 + _ROUNDING)
    return None if max(values) <= least else values[0] <= least


def _n_mparams(size: Size) -> float:
    return size.n_mparams


def _flops(size: Size) -> float:
    return size.flops
