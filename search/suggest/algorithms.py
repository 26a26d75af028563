"""Search algorithms by the names that a study file uses, and a user's own."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any

from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler

from search.study.config import StudyConfig
from search.study.import_path import construct, import_class, is_import_path
from search.suggest.grid import Grid
from search.suggest.proposer import Problem, Proposer
from search.suggest.samplers import make_sampler
from search.suggest.surrogate import Surrogate
from spaces.candidate import Candidate
from spaces.candidate_size import CandidateSize
from spaces.errors import UserError

SETTING = "search.algorithm"

_OURS: dict[str, Callable[[Problem], Proposer]] = {"surrogate": Surrogate, "grid": Grid}
NEVER_REPEATS = tuple(_OURS)  # the others may name a point twice


def check_algorithm(config: StudyConfig) -> None:
    """See whether the study's algorithm can be had here.

    Raises:
        UserError: its module, class or method is not there.
    """
    make_proposer(problem_of(config, lambda _candidate: None), config.search.algorithm)
    algorithm_sampler(config, seed=config.seed)


def problem_of(
    config: StudyConfig,
    size_of: Callable[[Candidate], CandidateSize | None],
    least_score: Callable[[], float | None] = lambda: None,
) -> Problem:
    """The problem that the study's proposer is given."""
    return Problem(
        space=config.space,
        objective=config.objective,
        horizon=config.horizon,
        seed=config.seed,
        size_of=size_of,
        least_score=least_score,
    )


def make_proposer(problem: Problem, algorithm: str) -> Proposer | None:
    """The proposer called ``algorithm``; None where a sampler of Optuna's answers.

    Raises:
        UserError: its module, class or method is not there.
    """
    if algorithm in _OURS:
        return _OURS[algorithm](problem)
    if not is_import_path(algorithm):
        return None
    found = import_class(algorithm, setting=SETTING)
    if issubclass(found, BaseSampler):
        return None
    _require_propose(found, algorithm)
    proposer: Proposer = construct(found, problem, place=f"{SETTING} '{algorithm}'")
    return proposer


def algorithm_sampler(config: StudyConfig, *, seed: int) -> BaseSampler:
    """Optuna's sampler for the study; no point is drawn from it where there is a proposer.

    Raises:
        UserError: a user's own is not there, or takes other arguments than ``seed``.
    """
    algorithm = config.search.algorithm
    if is_import_path(algorithm):
        found = import_class(algorithm, setting=SETTING)
        if issubclass(found, BaseSampler):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ExperimentalWarning)
                sampler: BaseSampler = construct(found, place=f"{SETTING} '{algorithm}'", seed=seed)
            return sampler
    return make_sampler(config.search, seed=seed)


def _require_propose(found: type[Any], algorithm: str) -> None:
    if not inspect.isroutine(getattr(found, "propose", None)):
        raise UserError(
            f"{SETTING} '{algorithm}': it has no method propose(history), and is no sampler of "
            "Optuna's (optuna.samplers.BaseSampler); see docs/how-to/algorithms.md"
        )
