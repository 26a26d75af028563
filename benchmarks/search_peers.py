"""Other searchers over a trial table: Ray's Optuna searcher with its defaults."""

from __future__ import annotations

from collections.abc import Callable

import optuna
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search.optuna import OptunaSearch

from search.replay.peer import Peer
from search.schedule.schedulers import OBJECTIVE, make_scheduler
from search.study.config import SchedulerConfig, StudyConfig
from search.suggest.optuna_journal import OptunaChooser

MakePeer = Callable[[StudyConfig, int], Peer]  # for a study and a seed


def random_search(config: StudyConfig, seed: int) -> Peer:
    """Points at random, each trained to the end."""
    return _optuna_search(config, RandomSampler(seed=seed), FIFOScheduler())


def random_search_with_asha(config: StudyConfig, seed: int) -> Peer:
    """Points at random, stopped by ASHA."""
    return _optuna_search(config, RandomSampler(seed=seed), _asha(config))


def plain_tpe(config: StudyConfig, seed: int) -> Peer:
    """Optuna's default sampler, each point trained to the end."""
    return _optuna_search(config, TPESampler(seed=seed), FIFOScheduler())


def plain_tpe_with_asha(config: StudyConfig, seed: int) -> Peer:
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
