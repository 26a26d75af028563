"""Further attempts at trials that met a fault of their environment."""

from __future__ import annotations

from dataclasses import dataclass

from search.study.errors import WorkFailed
from search.study.trial_record import TrialRecord
from trainable.environment_fault import EnvironmentFault

WAITS_S = (2.0, 10.0)  # before the second and the third attempt
MAX_ATTEMPTS = 1 + len(WAITS_S)  # without progress, each ended by the same kind of fault


@dataclass(frozen=True, slots=True, kw_only=True)
class _Faults:
    """The last faults of a trial: of one kind, without progress in between."""

    fault: EnvironmentFault
    n_updates: int  # the most that the trial had reached
    n_attempts: int

    def and_then(self, fault: EnvironmentFault, n_updates: int) -> _Faults:
        goes_on = fault.kind == self.fault.kind and n_updates <= self.n_updates
        return _Faults(
            fault=fault,
            n_updates=max(n_updates, self.n_updates),
            n_attempts=self.n_attempts + 1 if goes_on else 1,
        )


class Retries:
    """Counts the faults of each trial, and says how long it waits before the next attempt."""

    def __init__(self) -> None:
        self._by_trial: dict[int, _Faults] = {}

    def wait_s(self, record: TrialRecord, fault: EnvironmentFault) -> float:
        """Seconds to wait after ``fault`` before the trial is tried again.

        Raises:
            WorkFailed: the trial met as many faults of this kind in a row as it may.
        """
        n_updates = record.curve[-1].updates if record.curve else 0
        before = _Faults(fault=fault, n_updates=n_updates, n_attempts=0)
        faults = self._by_trial.get(record.id, before).and_then(fault, n_updates)
        self._by_trial[record.id] = faults
        if faults.n_attempts >= MAX_ATTEMPTS:
            raise WorkFailed(
                f"trial {record.id}: {fault.reason} ({faults.n_attempts} attempts); "
                f"{fault.remedy}, then resume the study"
            )
        return WAITS_S[faults.n_attempts - 1]
