"""A scheduler that lets the study's references run to their end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from search.study.ledger import Ledger
from search.study.trial_record import TrialRecord


class SparingScheduler(FIFOScheduler):  # type: ignore[misc]
    """Decides as another scheduler does, but never stops a reference.

    The other scheduler is kept from references that cannot win: no trial has to beat them.

    Args:
        scheduler: the study's.
        ledger: the study's trials, by the ids that Tune's trials have in their settings.
        is_reference: tells whether a trial needs its whole curve.
    """

    def __init__(
        self,
        scheduler: TrialScheduler,
        ledger: Ledger,
        is_reference: Callable[[TrialRecord], bool],
    ) -> None:
        super().__init__()
        self._scheduler = scheduler
        self._ledger = ledger
        self._is_reference = is_reference

    def __getstate__(self) -> dict[str, Any]:
        return {}  # see Ledger

    @property
    def supports_buffered_results(self) -> bool:
        return bool(self._scheduler.supports_buffered_results)

    @property
    def metric(self) -> str | None:
        metric: str | None = self._scheduler.metric
        return metric

    def set_search_properties(self, metric: str | None, mode: str | None, **spec: Any) -> bool:
        return bool(self._scheduler.set_search_properties(metric, mode, **spec))

    def on_trial_add(self, controller: Any, trial: Trial) -> None:
        if self._is_shown(trial):
            self._scheduler.on_trial_add(controller, trial)

    def on_trial_error(self, controller: Any, trial: Trial) -> None:
        if self._is_shown(trial):
            self._scheduler.on_trial_error(controller, trial)

    def on_trial_result(self, controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        decision = TrialScheduler.CONTINUE
        if self._is_shown(trial):
            decision = self._scheduler.on_trial_result(controller, trial, result)
        is_spared = self._is_reference(self._record(trial))
        return str(TrialScheduler.CONTINUE if is_spared else decision)

    def on_trial_complete(self, controller: Any, trial: Trial, result: dict[str, Any]) -> None:
        if self._is_shown(trial):
            self._scheduler.on_trial_complete(controller, trial, result)

    def on_trial_remove(self, controller: Any, trial: Trial) -> None:
        if self._is_shown(trial):
            self._scheduler.on_trial_remove(controller, trial)

    def choose_trial_to_run(self, controller: Any) -> Trial | None:
        chosen: Trial | None = self._scheduler.choose_trial_to_run(controller)
        if chosen is not None:
            return chosen
        pending = (t for t in controller.get_trials() if t.status == Trial.PENDING)
        return next((trial for trial in pending if not self._is_shown(trial)), None)

    def debug_string(self) -> str:
        return str(self._scheduler.debug_string())

    def _record(self, trial: Trial) -> TrialRecord:
        return self._ledger[trial.config["id"]]

    def _is_shown(self, trial: Trial) -> bool:
        return self._record(trial).is_of_the_space
