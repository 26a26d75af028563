"""Optuna's journal: opened for a search, or read from a copy; and how a space asks Optuna."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial

from search.suggest.suggestion_marks import LOST
from trainable.private.optuna import whole_lines

Direction = Literal["minimize", "maximize"]


class OptunaChooser:
    """Answers a space's questions from an Optuna trial."""

    def __init__(self, trial: optuna.Trial) -> None:
        self._trial = trial

    def categorical(self, name: str, values: Sequence[Any]) -> Any:
        return self._trial.suggest_categorical(name, values)

    def real(self, name: str, low: float, high: float, *, log: bool) -> float:
        return self._trial.suggest_float(name, low, high, log=log)


class AskTellStudy(optuna.Study):
    """Optuna study for ask and tell.

    A sampler may call ``stop``, which Optuna allows only within ``optimize``.
    """

    is_stopped = False

    def stop(self) -> None:
        self.is_stopped = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadJournal:
    """Contents of a journal."""

    trials: Sequence[FrozenTrial] = ()
    lost: Sequence[int] = ()  # numbers of trials that a doctor wrote off


def open_journal(log: Path, *, study: str, directions: Sequence[Direction]) -> AskTellStudy:
    """The study in ``log``, opened for writing; created if there is none."""
    _drop_torn_line(log)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = _storage(log)
    optuna.create_study(
        study_name=study, storage=storage, load_if_exists=True, directions=list(directions)
    )
    return AskTellStudy(study_name=study, storage=storage)


def read_journal(log: Path, *, study: str) -> ReadJournal:
    """Contents of the study's journal ``log``, read from a copy; empty if there is none.

    Raises:
        Exception: whatever a broken journal makes Optuna raise.
    """
    whole = _whole_lines(log)  # a search at work may be writing the last line
    if not whole:
        return ReadJournal()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / log.name
        copy.write_bytes(whole)
        found = optuna.load_study(study_name=study, storage=_storage(copy))
        return ReadJournal(
            trials=found.get_trials(deepcopy=False), lost=found.user_attrs.get(LOST, ())
        )


def _storage(log: Path) -> JournalStorage:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return JournalStorage(JournalFileBackend(str(log)))


def _whole_lines(log: Path) -> bytes:
    if not log.exists():
        return b""
    return whole_lines(log.read_bytes())


def _drop_torn_line(log: Path) -> None:
    """Cut off a last line torn by a crash: Optuna would append to it."""
    if log.exists():
        os.truncate(log, len(_whole_lines(log)))
