"""Syne Tune's searches over a trial table, where Syne Tune is installed.

Its schedulers suggest, stop and learn in one object; two adapters give that object the
places of a searcher and of a scheduler in Ray Tune, so that it meets the same trials in
the same simulated time as all others.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from search.replay.peer import Peer
from search.schedule.schedulers import OBJECTIVE
from search.study.config import StudyConfig
from spaces.chooser import Point, Scalar

S = TypeVar("S", bound=Scalar)


def is_installed() -> bool:
    """True if Syne Tune is installed; it is not among our requirements."""
    return importlib.util.find_spec("syne_tune") is not None


def syne_tune(algorithm: str, config: StudyConfig, seed: int) -> Peer:
    """A search by the class ``algorithm`` of ``syne_tune.optimizer.baselines``.

    With the study's grace and reduction factor, as far as it has them.
    """
    from syne_tune.config_space import choice
    from syne_tune.optimizer import baselines

    clock = config.scheduler_clock
    budget, grace = config.budget.on(clock), config.scheduler_grace
    assert budget is not None
    assert grace is not None
    answers = _answers(config)
    scheduler = getattr(baselines, algorithm)(
        config_space={name: choice(values) for name, values in answers.items()},
        metric=OBJECTIVE,
        do_minimize=False,
        time_attr=clock,
        max_t=round(budget),
        grace_period=round(grace),
        reduction_factor=config.scheduler.reduction_factor,
        random_seed=seed,
    )
    searcher = _Suggesting(scheduler, config, answers)
    return Peer(searcher=searcher, scheduler=_Stopping(scheduler, searcher.trials))


def _answers(config: StudyConfig) -> dict[str, list[Scalar]]:
    """All questions of the space, each with all of its answers."""
    answers: dict[str, dict[Scalar, None]] = {}
    for point in config.space.points():
        for name, value in point.items():
            answers.setdefault(name, {})[value] = None
    return {name: list(values) for name, values in answers.items()}


class _FlatChooser:
    """Answers from a point that has all questions, allowed here or not, and notes its answers."""

    def __init__(self, flat: Mapping[str, Scalar], answers: Mapping[str, list[Scalar]]) -> None:
        self.point: Point = {}
        self._flat = flat
        self._answers = answers

    def categorical(self, name: str, values: Sequence[S]) -> S:
        wanted = self._flat[name]
        # Syne Tune's spaces have no conditions, so an answer may not be allowed here.
        nth = self._answers[name].index(wanted)
        value = next((value for value in values if value == wanted), values[nth % len(values)])
        self.point[name] = value
        return value

    def real(
        self, name: str, low: float, high: float, *, log: bool, step: float | None = None
    ) -> float:
        raise NotImplementedError("a table's space has no ranges")

    def whole(self, name: str, low: int, high: int, *, log: bool, step: int | None = None) -> int:
        raise NotImplementedError("a table's space has no ranges")


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
        chooser = _FlatChooser(suggestion.config, self._answers)
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
