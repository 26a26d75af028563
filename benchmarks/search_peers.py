"""Other searchers over a trial table: simple rules, and Ray's Optuna searcher."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import optuna
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher
from ray.tune.search.optuna import OptunaSearch

from search.replay.peer import Peer
from search.replay.trial_table import TrialTable
from search.schedule.schedulers import OBJECTIVE, make_scheduler
from search.study.config import SchedulerConfig, StudyConfig
from search.suggest.optuna_journal import OptunaChooser
from spaces.candidate_size import CandidateSize
from spaces.chooser import FixedChooser, Point

MakePeer = Callable[[TrialTable, StudyConfig, int], Peer]  # for a table, a study and a seed


class InOrder(Searcher):  # type: ignore[misc]
    """Ray Tune searcher that suggests the points of a list, whatever comes of them."""

    def __init__(self, points: list[Point]) -> None:
        super().__init__(metric=OBJECTIVE, mode="max")
        self._points = iter(points)

    def suggest(self, trial_id: str) -> Point | str:
        return next(self._points, str(Searcher.FINISHED))

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Do nothing: the order is fixed."""


def cheapest_first(table: TrialTable, config: StudyConfig, seed: int) -> Peer:
    """Layouts by rising training FLOPs, each trained to the end."""
    return _in_order(table, config, seed, lambda size: size.training_flops)


def smallest_first(table: TrialTable, config: StudyConfig, seed: int) -> Peer:
    """Layouts by rising number of parameters, as the objective counts them, all to the end."""
    parameters = config.objective.parameters
    return _in_order(table, config, seed, lambda size: getattr(size.counts, parameters))


def _in_order(
    table: TrialTable, config: StudyConfig, seed: int, cost: Callable[[CandidateSize], float]
) -> Peer:
    """Each layout of the study's space once, by rising ``cost``; of equals at random."""
    space = config.space
    points = {space.choose(FixedChooser(point)).key: point for point in space.points()}
    keys = random.Random(seed).sample(sorted(points), len(points))
    keys.sort(key=lambda key: cost(table.size(key)))
    return Peer(searcher=InOrder([points[key] for key in keys]), scheduler=FIFOScheduler())


def random_search(_table: TrialTable, config: StudyConfig, seed: int) -> Peer:
    """Points at random, each trained to the end."""
    return _optuna_search(config, RandomSampler(seed=seed), FIFOScheduler())


def random_search_with_asha(_table: TrialTable, config: StudyConfig, seed: int) -> Peer:
    """Points at random, stopped by ASHA."""
    return _optuna_search(config, RandomSampler(seed=seed), _asha(config))


def plain_tpe(_table: TrialTable, config: StudyConfig, seed: int) -> Peer:
    """Optuna's default sampler, each point trained to the end."""
    return _optuna_search(config, TPESampler(seed=seed), FIFOScheduler())


def plain_tpe_with_asha(_table: TrialTable, config: StudyConfig, seed: int) -> Peer:
    """Optuna's default sampler under ASHA."""
    return _optuna_search(config, TPESampler(seed=seed), _asha(config))


def _asha(config: StudyConfig) -> TrialScheduler:
    asha = SchedulerConfig(name="asha")
    return make_scheduler(config.model_copy(update={"scheduler": asha}))


def _optuna_search(config: StudyConfig, sampler: BaseSampler, scheduler: TrialScheduler) -> Peer:
    def define(trial: optuna.Trial) -> None:
        config.space.choose(OptunaChooser(trial))

    searcher = OptunaSearch(space=define, metric=OBJECTIVE, mode="max", sampler=sampler)
    return Peer(searcher=searcher, scheduler=scheduler)
