"""Optuna's study behind a search: its journal, its sampler, and how a space asks it."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from search.private.optuna import whole_lines
from search.study.config import StudyConfig
from search.suggest.samplers import make_sampler


class OptunaChooser:
    """Answers a space's questions from an Optuna trial."""

    def __init__(self, trial: optuna.Trial) -> None:
        self._trial = trial

    def categorical(self, name: str, values: Sequence[Any]) -> Any:
        return self._trial.suggest_categorical(name, values)

    def real(self, name: str, low: float, high: float, *, log: bool) -> float:
        return self._trial.suggest_float(name, low, high, log=log)


def optuna_study(config: StudyConfig, log: Path) -> optuna.Study:
    """The study's own memory of suggestions, in ``log``; made where there is none."""
    _drop_torn_line(log)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        storage = JournalStorage(JournalFileBackend(str(log)))
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    pareto = config.objective.name == "pareto"
    study = optuna.create_study(
        study_name=config.name,
        storage=storage,
        load_if_exists=True,
        directions=["maximize", "minimize"] if pareto else ["maximize"],
    )
    # A resumed study must not draw the same points again.
    n_before = len(study.get_trials(deepcopy=False))
    study.sampler = make_sampler(config.search, seed=config.seed + n_before)
    return study


def _drop_torn_line(log: Path) -> None:
    """Cut off what a crash left of a last line: Optuna would write on behind it."""
    if log.exists():
        os.truncate(log, len(whole_lines(log.read_bytes())))
