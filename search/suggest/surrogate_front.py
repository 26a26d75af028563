"""Expected improvement of a front's hypervolume, for two or three objectives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from search.study.ranking import front_gains
from search.study.trained_candidate import candidate_of
from search.study.trial_record import TrialRecord
from search.suggest.proposer import Problem
from search.suggest.surrogate_gp import Array
from search.suggest.surrogate_model import SurrogateModel
from search.suggest.surrogate_pool import Choice
from search.suggest.surrogate_target import GainScale
from spaces.counts import ParamCounts
from spaces.expression import ExpressionError
from trainable.objective import Progress, goal_value
from trainable.quantities import SIZES, Goal

N_DIRECTIONS = 512  # random directions of the hypervolume, with a draw of the predictions each
_MARGIN = 0.1  # of the range of an objective, by which the reference lies below its worst value


class FrontWorth:
    """Log of the expected improvement of a study's front by each choice.

    A number of parameters is known before training and enters exactly; each other objective has
    a Gaussian process of its own. The hypervolume above a reference is the mean over random
    directions of the largest scalarised value, so its improvement needs no partition of space.

    Source:
        Deng and Zhang 2019, "Approximating hypervolume and hypervolume contributions using polar
        coordinate"; Zhang and Golovin 2020, "Random hypervolume scalarizations for provable
        multi-objective black box optimization".
    """

    def __init__(self, problem: Problem, model: SurrogateModel) -> None:
        self._problem = problem
        self._model = model

    def __call__(
        self,
        choices: Sequence[Choice],
        known: Sequence[TrialRecord],
        reaching: Sequence[TrialRecord],
    ) -> Array:
        """Of shape (choices,); minus infinity where no draw improves the front.

        Args:
            choices: the candidates to compare.
            known: the trials so far, at least one of them completed.
            reaching: those within the study's bounds, which the front is of.
        """
        done = [record for record in known if record.state == "completed" and record.curve]
        running = [record for record in known if record.state == "running"]
        goals = self._problem.objective.goals
        gains = np.array([front_gains(record, self._problem.objective) for record in done])
        seen = [list(zip(done, column, strict=True)) for column in gains.T.tolist()]
        parts = [
            self._part(goal, each, choices, running) for goal, each in zip(goals, seen, strict=True)
        ]
        reached = np.stack([reached for reached, _, _ in parts], axis=1)
        means = np.stack([means for _, means, _ in parts], axis=1)
        deviations = np.stack([deviations for _, _, deviations in parts], axis=1)
        is_shown = [any(record is each for each in reaching) for record in done]
        front = reached[np.array([*is_shown, *(True for _ in running)], dtype=bool)]
        rng = np.random.default_rng([self._problem.seed, len(known)])
        directions = np.abs(rng.standard_normal((N_DIRECTIONS, len(goals))))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        best = scalarised(front[:, None], directions).max(axis=0, initial=0.0)
        normal = rng.standard_normal((N_DIRECTIONS, len(goals)))
        drawn = means[:, None] + deviations[:, None] * normal
        improvement = np.maximum(scalarised(drawn, directions) - best, 0.0).mean(axis=1)
        with np.errstate(divide="ignore"):
            logs: Array = np.log(improvement)
        return logs

    def _part(
        self,
        goal: Goal,
        gains: Sequence[tuple[TrialRecord, float]],
        choices: Sequence[Choice],
        running: Sequence[TrialRecord],
    ) -> tuple[Array, Array, Array]:
        """One objective of the trials, and its mean and deviation of each choice.

        Above its reference and divided by its range, so that no unit counts. Running trials count
        at their predicted mean. A size that has no value, as 1 / 0, is as bad as the reference.
        """
        if goal.names <= SIZES.keys():
            begun = [self._known(goal, record.counts) for record in running]
            reached = np.array([*(gain for _, gain in gains), *begun])
            means = np.array([self._known(goal, choice.size.counts) for choice in choices])
            deviations = np.zeros(len(means))
            span = np.append(reached, means)
        else:
            scale, n_begun = GainScale.of([gain for _, gain in gains]), len(running)
            seen = [(record, scale(gain), 0.0) for record, gain in gains]
            candidates = [candidate_of(record.config, self._problem.space) for record in running]
            candidates += [choice.candidate for choice in choices]
            predicted, deviations = self._model.predict(seen, candidates, running)
            reached = np.array([*(value for _, value, _ in seen), *predicted[:n_begun]])
            means, deviations = predicted[n_begun:], deviations[n_begun:]
            span = reached
        finite = span[np.isfinite(span)]
        width = float(np.ptp(finite)) if finite.size else 0.0
        width = width or 1.0
        reference = (finite.min() if finite.size else 0.0) - _MARGIN * width
        return (
            np.nan_to_num((reached - reference) / width),
            np.nan_to_num((means - reference) / width),
            deviations / width,
        )

    def _known(self, goal: Goal, counts: ParamCounts) -> float:
        """Gain that the size tells; NaN where the goal has no finite value."""
        progress = Progress(curve=(), aucc=0.0, counts=counts)
        try:
            return float(goal.gain(goal_value(goal, self._problem.objective, progress)))
        except ExpressionError:
            return float("nan")


def scalarised(points: Array, directions: Array) -> Array:
    """Volume that each point dominates along each direction, up to a constant.

    Args:
        points: above the reference; of shape (…, directions or 1, objectives).
        directions: of length 1, none of them negative; of shape (directions, objectives).

    Returns:
        Of shape (…, directions).
    """
    n_objectives = directions.shape[-1]
    lengths: Array = np.maximum(points / directions, 0.0).min(axis=-1)
    volumes: Array = lengths**n_objectives
    return volumes
