"""The surrogate: Bayesian optimisation of the objective with expected improvement.

A Gaussian process over a few features of the layout models, from few trials, the log of the AUCC:
a candidate's number of parameters is known before training and enters exactly. Other objectives
are modelled as they are (``surrogate_target.py``), several each by itself
(``surrogate_front.py``).
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
from scipy.stats import norm

from search.study.ranking import best_trial, pareto_front
from search.study.trained_candidate import candidate_of
from search.study.trial_record import TrialRecord
from search.suggest.proposer import Outcome, Problem, Suggested
from search.suggest.surrogate_front import FrontWorth
from search.suggest.surrogate_gp import Array
from search.suggest.surrogate_model import SurrogateModel
from search.suggest.surrogate_pool import Choice, Pool
from search.suggest.surrogate_target import FLOOR, target_of
from spaces.candidate import Candidate
from spaces.chooser import Point

_LIKELY = np.log(0.5)  # log chance above which a bound is likely kept


class Surrogate:
    """Proposes the point with the highest expected improvement, from the history alone.

    The model learns from trials of earlier studies too; their candidates may be trained again.
    """

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._pool = Pool(problem.space, problem.size_of)
        self._model = SurrogateModel(problem.space)
        self._front = FrontWorth(problem, self._model)
        self._target = target_of(problem)

    def propose(self, history: Sequence[Suggested]) -> Point | None:
        """The untried point with the highest expected improvement; None when none is left.

        Before the search's first trial it is the point with the least training FLOPs (for an
        objective per parameter, with the fewest parameters): small models learn soon, and a bad
        one has cost little (Wu, Wang and Huang 2021, "Frugal optimization for cost-related
        hyperparameters"). In search of a front every other point is of the layout with the least
        FLOPs that is left: where one objective is the size, that order is hard to beat.
        """
        known = _known(history)
        choices = self.untried(history)
        if not choices:
            return None
        n_trained = sum(record.reference is None for record in known)
        if n_trained == 0:
            return min(choices, key=self._first_choice_order).point
        if self._problem.objective.is_pareto and n_trained % 2 == 0:
            choices = self._cheapest(choices, known) or choices
        return choices[int(np.argmax(self.log_worth(choices, known)))].point

    def untried(self, history: Sequence[Suggested]) -> list[Choice]:
        """Choices that are not trained yet, in random order; of a large space a sample."""
        records = _trials(history, "trained")
        rng = random.Random(f"{self._problem.seed}/{len(records)}")
        near = self._near(_known(history), rng)
        tried = {each.candidate.key for each in history if each.outcome == "discarded"}
        tried.update(record.key for record in records)
        choices = [
            choice for choice in self._pool.choices(near, rng) if choice.candidate.key not in tried
        ]
        rng.shuffle(choices)  # among equals the first is taken
        return choices

    def log_worth(self, choices: Sequence[Choice], known: Sequence[TrialRecord]) -> Array:
        """Log of each choice's expected improvement over the best of ``known``, in the target's
        unit, or over the front, times its chance to reach ``min_score``.
        """
        least = self._problem.least_score()
        worth = self._log_improvement(choices, known)
        if least is not None and least > 0:
            worth += self._log_chance(choices, known, least)
        return worth

    def _log_improvement(self, choices: Sequence[Choice], known: Sequence[TrialRecord]) -> Array:
        if self._problem.objective.is_pareto and any(r.state == "completed" for r in known):
            return self._front(choices, known, self._reaching(known))
        means, deviations = self._predict(choices, known)
        return log_improvement(means, deviations, self._target.goal(self._best(known), known))

    def _cheapest(self, choices: Sequence[Choice], known: Sequence[TrialRecord]) -> list[Choice]:
        """Choices of the cheapest layout that no trial has; without those likely below a bound."""
        tried = {(record.canonical, str(record.decoder)) for record in known}
        new = [choice for choice in choices if _layouts(choice) not in tried]
        least = self._problem.least_score()
        if new and least is not None and least > 0:
            chances = self._log_chance(new, known, least)
            new = [each for each, chance in zip(new, chances, strict=True) if chance > _LIKELY]
        first = min(new, key=self._first_choice_order, default=None)
        return [] if first is None else [each for each in new if _layouts(each) == _layouts(first)]

    def _near(self, known: Sequence[TrialRecord], rng: random.Random) -> Candidate | None:
        """The best candidate so far, or one of the front; None before a trial is completed."""
        best = self._best(known)
        if best is not None and self._problem.objective.is_pareto:
            best = rng.choice(pareto_front(self._reaching(known), self._problem.objective))
        return None if best is None else candidate_of(best.config, self._problem.space)

    def _best(self, known: Sequence[TrialRecord]) -> TrialRecord | None:
        return best_trial(self._reaching(known), self._problem.objective)

    def _reaching(self, known: Sequence[TrialRecord]) -> list[TrialRecord]:
        """Trials whose score reaches ``min_score``."""
        least = self._problem.least_score()
        return [r for r in known if least is None or (r.best_score or 0.0) >= least]

    def _log_chance(
        self, choices: Sequence[Choice], records: Sequence[TrialRecord], least: float
    ) -> Array:
        """Log probability of each choice that its score reaches ``least``.

        0 as long as every completed trial reaches it.

        Source:
            Expected improvement under constraints, Schonlau, Welch and Jones 1998.
        """
        completed = [record for record in records if record.state == "completed" and record.curve]
        reached = np.array([record.best_score or 0.0 for record in completed])
        if np.all(reached >= least):
            return np.zeros(len(choices))
        values = np.log(np.maximum(reached, FLOOR * max(least, reached.max()))).tolist()
        seen = [(record, value, 0.0) for record, value in zip(completed, values, strict=True)]
        candidates = [choice.candidate for choice in choices]
        means, deviations = self._model.predict(seen, candidates)
        chance: Array = norm.logcdf((means - np.log(least)) / deviations)
        return chance

    def _predict(
        self, choices: Sequence[Choice], records: Sequence[TrialRecord]
    ) -> tuple[Array, Array]:
        """Mean and standard deviation of the objective of each choice, in the target's unit."""
        sizes = np.array([self._target.divisor(choice.size) for choice in choices])
        seen = self._target.seen(records)
        if not seen:
            return -np.log(sizes), np.ones(len(choices))
        running = [record for record in records if record.state == "running"]
        candidates = [choice.candidate for choice in choices]
        means, deviations = self._model.predict(seen, candidates, running)
        return means - np.log(sizes), deviations

    def _first_choice_order(self, choice: Choice) -> tuple[float, float]:
        """Sort key of the choices before the first trial: parameters, then training FLOPs."""
        return self._target.divisor(choice.size), choice.size.training_flops


def _layouts(choice: Choice) -> tuple[str, str]:
    candidate = choice.candidate
    return str(candidate.encoder.canonical()), str(candidate.decoder.canonical())


def _trials(history: Sequence[Suggested], outcome: Outcome) -> list[TrialRecord]:
    return [each.trial for each in history if each.outcome == outcome and each.trial is not None]


def _known(history: Sequence[Suggested]) -> list[TrialRecord]:
    return [*_trials(history, "earlier"), *_trials(history, "trained")]


def log_improvement(means: Array, deviations: Array, goal: float | None) -> Array:
    """Log of the expected improvement over ``goal``; ``means`` if there is no goal.

    Computed in logs: far below the goal the improvement underflows to zero.

    Args:
        means: predicted means, one a choice.
        deviations: predicted standard deviations.
        goal: the best value so far, in the unit of ``means``.
    """
    if goal is None:
        return means
    off = (means - goal) / deviations
    with np.errstate(divide="ignore", invalid="ignore"):
        direct = np.log(norm.pdf(off) + off * norm.cdf(off))
    # Mills' ratio: pdf(z) + z cdf(z) -> pdf(z) / z² as z falls.
    tail = norm.logpdf(off) - 2 * np.log(np.maximum(-off, 1.0))
    improvement: Array = np.log(deviations) + np.where(off < -5, tail, direct)
    return improvement
