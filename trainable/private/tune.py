"""Parts of Ray Tune that are not its documented interface.

An upgrade of Ray may take away any of them, and tests/test_private_parts.py then fails. We also
rely on the order in which Tune calls searcher, scheduler and callbacks;
tests/search/test_end_to_end.py and test_faults.py check it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from ray.tune.execution import class_cache, experiment_state
from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Trial
from ray.tune.logger import TBXLoggerCallback
from ray.tune.schedulers import MedianStoppingRule

# Logger to which Tune writes a trial's failure with a traceback. If an upgrade renames it, the
# traceback of a full disk or a lost machine is printed before our own line.
FAILURES_LOGGER = "ray.tune.execution.tune_controller"

# Environment variables for settings without an argument. If an upgrade removes one, Tune prints
# more, or a failed trial, which reports no metric, ends the search.
SETTINGS = {
    "RAY_AIR_NEW_OUTPUT": "0",  # our Progress replaces Tune's output; the old one can be silenced
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # MLflow records everything
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",  # failed trials have no metric
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # our own handler treats Ctrl-C
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",  # the sync is cheap here
}


def leave_out_snapshots() -> None:
    """Make Tune save an experiment's state only at its end, since it is never restored.

    By default Tune writes all trials each time that one of them has saved as many checkpoints
    as are kept. A study's cost then grows with the square of its number of trials, and no
    setting turns that off. If an upgrade removes the manager, measure again with
    ``python -m benchmarks scale``.
    """
    os.environ["TUNE_GLOBAL_CHECKPOINT_S"] = "inf"
    experiment_state._ExperimentCheckpointManager.on_trial_checkpoint = _request_no_snapshot


def _request_no_snapshot(self: Any, trial: Trial) -> None:
    """Ignore a trial's new checkpoint."""


def keep_keys_off_command_lines() -> None:
    """Stop Tune from passing AWS keys to the processes of trials.

    The keys would be on the processes' command lines, which every user of the machine can
    read. The processes have Ray's environment on their machine anyway. If an upgrade removes
    the list of names, check the ``runtime_env`` of a trial's actor.
    """
    class_cache.ENV_VARS_TO_PROPAGATE = {
        name for name in class_cache.ENV_VARS_TO_PROPAGATE if not name.startswith("AWS_")
    }


_last_errors: WeakKeyDictionary[Trial, Exception] = WeakKeyDictionary()
_process_failure = TuneController._process_trial_failure


def keep_last_errors() -> None:
    """Make Tune keep each trial's last error, for ``last_error``, and restart every such trial.

    Tune writes errors to files, as text, and pickles but a few types of them. It does not
    restart a trial whose used actor raises an error in ``reset``. If an upgrade removes the
    method, read the errors from the files (``Trial.error_file``).
    """
    TuneController._process_trial_failure = _keep_and_process


def _keep_and_process(self: Any, trial: Trial, exception: Exception) -> None:
    is_resetting = trial in self._resetting_trials
    self._resetting_trials.discard(trial)
    if trial.status == Trial.PENDING:
        if not is_resetting:  # Tune tells of an actor's death in ``reset`` a second time
            return
        self._unstage_trial_with_resources(trial)  # as for an actor that dies
        self._set_trial_status(trial, Trial.RUNNING)
    _last_errors[trial] = exception
    _process_failure(self, trial, exception)


def last_error(trial: Trial) -> Exception:
    """Error of the last failure of ``trial``, after ``keep_last_errors``."""
    return _last_errors[trial]


def trial_stub(trial_id: str) -> Trial:
    """A trial without an experiment, to replay an earlier driver's results to a scheduler.

    Tune makes such trials when it restores an experiment. ASHA accepts one, with None as its
    controller. If an upgrade removes them, we need a scheduler of our own that keeps the rungs.
    """
    return Trial("recorded", trial_id=trial_id, stub=True)


def clock_of(rule: MedianStoppingRule) -> str:
    """Name of the result field that the median rule uses as its clock.

    If an upgrade removes it, pass the name to our subclass beside Ray's constructor.
    """
    return str(rule._time_attr)


def results_of(rule: MedianStoppingRule, trial: Trial) -> list[dict[str, Any]]:
    """Results of ``trial`` in the median rule, as its own list, to which results can be added.

    If an upgrade removes it, report the results by ``on_trial_result`` and ignore its decisions.
    """
    results: list[dict[str, Any]] = rule._results[trial]
    return results


class TensorBoardLogs(TBXLoggerCallback):  # type: ignore[misc]
    """Ray's TensorBoard logger, with a folder of ours and only the values that we choose.

    Ray's writes into Tune's scratch folder, from which nothing is kept, and all of a result. If
    an upgrade renames the class of its writers, write with tensorboardX's ``SummaryWriter``.
    """

    def __init__(self, folder: str, values: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        """``values`` gives the values of a result, with their ``updates``; empty if it has none."""
        super().__init__()
        make: Callable[..., Any] = self._summary_writer_cls  # type: ignore[has-type]
        self._values = values
        self._summary_writer_cls = lambda path, **options: make(
            str(Path(folder) / Path(path).name), **options
        )

    def log_trial_result(self, iteration: int, trial: Trial, result: dict[str, Any]) -> None:
        if values := self._values(result):
            step = {"training_iteration": values["updates"]}
            super().log_trial_result(iteration, trial, {**values, **step})
