"""Optuna's journal: opened for a search, or read from a copy; and how a space asks Optuna."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import optuna
from optuna.distributions import FloatDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial

from search.study.folder import mend_command
from search.suggest.suggestion_marks import LOST
from spaces.errors import UserError
from trainable.private.optuna import fault_of_operation, whole_lines

Direction = Literal["minimize", "maximize"]


class OptunaChooser:
    """Answers a space's questions from an Optuna trial."""

    def __init__(self, trial: optuna.Trial) -> None:
        self._trial = trial

    def categorical(self, name: str, values: Sequence[Any]) -> Any:
        return self._trial.suggest_categorical(name, values)

    def real(
        self, name: str, low: float, high: float, *, log: bool, step: float | None = None
    ) -> float:
        return self._trial.suggest_float(name, low, high, log=log, step=step)

    def whole(self, name: str, low: int, high: int, *, log: bool, step: int | None = None) -> int:
        if self._was_real(name):
            return round(self._trial.suggest_float(name, low, high, log=log))
        return self._trial.suggest_int(name, low, high, log=log, step=step or 1)

    def _was_real(self, name: str) -> bool:
        """True if the journal has real numbers under ``name``, as earlier versions wrote them.

        Optuna takes one kind of number under a name.
        """
        trials = self._trial.study.get_trials(deepcopy=False)
        kinds = (trial.distributions[name] for trial in trials if name in trial.distributions)
        return isinstance(next(kinds, None), FloatDistribution)


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
    """The study in ``log``, opened for writing; created if there is none.

    Raises:
        UserError: the journal is damaged.
    """
    refuse_damaged(log)
    _drop_torn_line(log)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with _errors_as_user_errors(log):
        storage = _storage(log)
        names = optuna.get_all_study_names(storage)
        if names:
            return AskTellStudy(study_name=study, storage=storage)
        optuna.create_study(study_name=study, storage=storage, directions=list(directions))
        return AskTellStudy(study_name=study, storage=storage)


def read_journal(log: Path, *, study: str) -> ReadJournal:
    """Contents of the study's journal ``log``, read from a copy; empty if there is none.

    Raises:
        UserError: the journal is damaged.
    """
    whole = journal_lines(log)  # a search at work may be writing the last line
    if not whole:
        return ReadJournal()
    refuse_damaged(log)
    with _errors_as_user_errors(log):
        return read_lines(whole, study=study)


def journal_lines(log: Path) -> list[bytes]:
    """Whole lines of the journal, without their ends; empty if there is none."""
    return whole_lines(log.read_bytes()).split(b"\n")[:-1] if log.exists() else []


def read_lines(lines: Sequence[bytes], *, study: str) -> ReadJournal:
    """Contents of a journal of these lines; empty ones are passed over.

    Raises:
        Exception: whatever a broken journal makes Optuna raise.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "optuna.log"
        copy.write_bytes(b"".join(line + b"\n" for line in lines if line))
        found = optuna.load_study(study_name=study, storage=_storage(copy))
        return ReadJournal(
            trials=found.get_trials(deepcopy=False), lost=found.user_attrs.get(LOST, ())
        )


def damaged_lines(lines: Sequence[bytes]) -> dict[int, str]:
    """Reasons by number, from 1, of the lines that are no operations of Optuna's."""
    faults = {number: fault_of_operation(line) for number, line in enumerate(lines, start=1)}
    return {number: fault for number, fault in faults.items() if fault is not None}


def refuse_damaged(log: Path) -> None:
    """Check that each whole line of the journal is an operation.

    Raises:
        UserError: one is not.
    """
    for number, reason in damaged_lines(journal_lines(log)).items():
        raise _damaged(log, f"line {number} is no operation of Optuna's ({reason})")


def _damaged(log: Path, fault: str) -> UserError:
    return UserError(
        f"{log}: {fault}; rebuild the file from trials.jsonl with: {mend_command(log.parent)}"
    )


@contextmanager
def _errors_as_user_errors(log: Path) -> Iterator[None]:
    """Turn whatever Optuna raises over a damaged journal into one line.

    Raises:
        UserError: Optuna raised an error.
    """
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())
        raise _damaged(log, f"Optuna cannot read it ({type(error).__name__}: {reason})") from error


def _storage(log: Path) -> JournalStorage:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return JournalStorage(JournalFileBackend(str(log)))


def _drop_torn_line(log: Path) -> None:
    """Cut off a last line torn by a crash: Optuna would append to it."""
    if log.exists():
        os.truncate(log, len(whole_lines(log.read_bytes())))
