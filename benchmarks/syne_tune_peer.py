"""Syne Tune's searches over a trial table, where Syne Tune is installed.

Its schedulers suggest, stop and learn in one object; two adapters give that object the
places of a searcher and of a scheduler in Ray Tune, so that it meets the same trials in
the same simulated time as all others.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from benchmarks.flat_space import FlatChooser, answers_of
from search.replay.peer import Peer
from search.replay.trial_table import TrialTable
from search.schedule.schedulers import OBJECTIVE
from search.study.config import StudyConfig
from spaces.chooser import Point, Scalar

# By default 100, of which 10 compete to be a parent: more than some tables have layouts.
POPULATION, N_COMPETING = 20, 5


def is_installed() -> bool:
    """True if Syne Tune is installed; it is not among our requirements."""
    return importlib.util.find_spec("syne_tune") is not None


def syne_tune(algorithm: str, _table: TrialTable, config: StudyConfig, seed: int) -> Peer:
    """A search by the class ``algorithm`` of ``syne_tune.optimizer.baselines``.

    With the study's grace and reduction factor, as far as it has them.
    """
    clock = config.scheduler_clock
    budget, grace = config.budget.on(clock), config.scheduler_grace
    assert budget is not None
    assert grace is not None
    return _peer(
        algorithm,
        config,
        seed,
        time_attr=clock,
        max_t=round(budget),
        grace_period=round(grace),
        reduction_factor=config.scheduler.reduction_factor,
    )


def regularised_evolution(_table: TrialTable, config: StudyConfig, seed: int) -> Peer:
    """Mutations of the best of a few of the youngest layouts, each trained to the end.

    Source:
        Real, Aggarwal, Huang and Le 2019, "Regularized evolution for image classifier
        architecture search".
    """
    return _peer("REA", config, seed, population_size=POPULATION, sample_size=N_COMPETING)


def _peer(algorithm: str, config: StudyConfig, seed: int, **settings: Any) -> Peer:
    from syne_tune.config_space import choice
    from syne_tune.optimizer import baselines

    np.random.seed(seed)  # REA draws its first population with NumPy's global generator
    answers = answers_of(config)
    scheduler = getattr(baselines, algorithm)(
        config_space={name: choice(values) for name, values in answers.items()},
        metric=OBJECTIVE,
        do_minimize=False,
        random_seed=seed,
        **settings,
    )
    searcher = _Suggesting(scheduler, config, answers)
    return Peer(searcher=searcher, scheduler=_Stopping(scheduler, searcher.trials))


class _Suggesting(Searcher):  # type: ignore[misc]
    """Ray Tune searcher with Syne Tune's suggestions."""

    def __init__(
        self, scheduler: Any, config: StudyConfig, answers: Mapping[str, list[Scalar]]
    ) -> None:
        super().__init__(metric=OBJECTIVE, mode="max")
        self.trials: dict[str, Any] = {}  # Syne Tune's, by Ray's id
        self._scheduler = scheduler
        self._space = config.space
        self._answers = answers

    def suggest(self, trial_id: str) -> Point | None:
        from syne_tune.backend.trial_status import Trial as SyneTrial

        suggestion = self._scheduler.suggest()
        if suggestion is None:
            return None
        trial = SyneTrial(len(self.trials), suggestion.config, datetime.now())
        self.trials[trial_id] = trial
        self._scheduler.on_trial_add(trial)
        chooser = FlatChooser(suggestion.config, self._answers)
        self._space.choose(chooser)
        return chooser.point

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Do nothing: ``_Stopping`` reports the end of a trial to Syne Tune."""


class _Stopping(FIFOScheduler):  # type: ignore[misc]
    """Ray Tune scheduler with Syne Tune's decisions."""

    def __init__(self, scheduler: Any, trials: Mapping[str, Any]) -> None:
        super().__init__()
        self._scheduler = scheduler
        self._trials = trials

    def on_trial_result(self, controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        decision = self._scheduler.on_trial_result(self._trials[trial.trial_id], result)
        return str(TrialScheduler.STOP if decision == "STOP" else TrialScheduler.CONTINUE)

    def on_trial_complete(self, controller: Any, trial: Trial, result: dict[str, Any]) -> None:
        self._scheduler.on_trial_complete(self._trials[trial.trial_id], result)
