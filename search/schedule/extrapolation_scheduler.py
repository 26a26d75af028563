"""Stops the trials that are unlikely to beat the best one, by the forecast of their curves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from search.stats.extrapolation import WholeCurve, forecast
from search.study.config import StudyConfig
from search.study.trial_record import TrialRecord
from trainable.aucc import best_point
from trainable.curve import Point

MIN_COMPLETED = 5  # below that nothing is stopped


class ExtrapolationScheduler(FIFOScheduler):  # type: ignore[misc]
    """Decides from curves alone: those of the completed trials, and the trial's own.

    Args:
        config: the study.
        grace: reading of the scheduler's clock before which no trial is stopped.
        least_score: gives the score that a trial needs to win, None while none is known.
    """

    def __init__(
        self,
        config: StudyConfig,
        *,
        grace: float,
        least_score: Callable[[], float | None] = lambda: None,
    ) -> None:
        super().__init__()
        self._config = config
        self._grace = grace
        self._least_score = least_score
        self._whole: list[WholeCurve] = []
        self._ends: list[tuple[float, float]] = []  # score and objective of completed trials

    def on_trial_result(self, controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        is_early = result[self._config.scheduler_clock] < self._grace
        # Without any area the trial's size, and so the area that it needs, is unknown.
        if is_early or result["aucc"] <= 0 or len(self._whole) < MIN_COMPLETED:
            return str(TrialScheduler.CONTINUE)
        chance = self._chance(_points(result), area=result["aucc"], objective=result["objective"])
        is_hopeless = chance < self._config.scheduler.risk
        return str(TrialScheduler.STOP if is_hopeless else TrialScheduler.CONTINUE)

    def on_trial_complete(self, controller: Any, trial: Trial, result: dict[str, Any]) -> None:
        if result.get("finished"):  # a failed trial has no curve
            self._learn(_points(result), area=result["aucc"], objective=result["objective"])

    def remember(self, record: TrialRecord) -> None:
        """Know a trial of an earlier driver."""
        if record.state == "completed" and record.aucc is not None:
            assert record.objective is not None
            self._learn(record.curve, area=record.aucc, objective=record.objective)

    def learn_curve(self, record: TrialRecord) -> None:
        """Forecast by a completed trial of another study; no trial has to beat it."""
        assert record.aucc is not None
        self._whole.append(WholeCurve(points=record.curve, aucc=record.aucc))

    def _learn(self, points: tuple[Point, ...], *, area: float, objective: float) -> None:
        self._whole.append(WholeCurve(points=points, aucc=area))
        self._ends.append((best_point(points).score, objective))

    @property
    def _best(self) -> float | None:
        """Highest objective of a completed trial within the bounds, as far as they are known."""
        least = self._least_score()
        within = (value for score, value in self._ends if least is None or score >= least)
        return max(within, default=None)

    def _chance(self, points: tuple[Point, ...], *, area: float, objective: float) -> float:
        """How likely the trial beats the best; objective and area are in a fixed ratio."""
        clock = self._config.objective.clock
        guess = forecast(points, self._whole, clock=clock, horizon=self._config.horizon)
        best = self._best
        if guess is None or best is None:
            return 1.0
        return guess.chance_above(best * area / objective)


def _points(result: dict[str, Any]) -> tuple[Point, ...]:
    return tuple(Point.from_dict(point) for point in result["curve"])
