"""Optuna's samplers by the names that a study file uses."""

from __future__ import annotations

import warnings

import optuna
from optuna.samplers import (
    BaseSampler,
    CmaEsSampler,
    GPSampler,
    NSGAIISampler,
    RandomSampler,
    TPESampler,
)

from search.study.config import SearchConfig


def make_sampler(config: SearchConfig, *, seed: int) -> BaseSampler:
    """The sampler that ``config`` names.

    Args:
        seed: must differ each time a study is resumed, or the same points come again.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        match config.algorithm:
            case "tpe":
                return TPESampler(
                    seed=seed,
                    n_startup_trials=config.n_startup,
                    multivariate=True,
                    group=True,  # spaces have questions that depend on other answers
                    constant_liar=True,  # trials run side by side
                )
            case "gp":
                return GPSampler(seed=seed, n_startup_trials=config.n_startup)
            case "nsga2":
                return NSGAIISampler(seed=seed, population_size=config.n_startup)
            case "cmaes":
                return CmaEsSampler(
                    seed=seed, n_startup_trials=config.n_startup, warn_independent_sampling=False
                )
            case _:  # "random"; of those with a proposer no point is drawn
                return RandomSampler(seed=seed)
