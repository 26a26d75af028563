"""Parts of Ray Tune that are not its documented interface.

An upgrade of Ray may take away any of them, and tests/test_private_parts.py then fails. What
we rely on in the order in which Tune calls searcher, scheduler and callbacks is held by
tests/search/test_end_to_end.py and test_faults.py.
"""

from __future__ import annotations

import os
from typing import Any

from ray.tune.execution import class_cache, experiment_state
from ray.tune.experiment import Trial
from ray.tune.schedulers import MedianStoppingRule

# Where Tune tells of a trial's failure, with a traceback. When the logger has another name,
# the traceback of a full disk or a lost machine stands in front of our line.
FAILURES_LOGGER = "ray.tune.execution.tune_controller"

# Variables that are read where Tune has no argument for it. When one is gone, the screen has
# noise, or failed trials, which report no metric, end the search.
SETTINGS = {
    "RAY_AIR_NEW_OUTPUT": "0",  # Progress shows what matters; the old output can be silenced
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # MLflow has it all
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",  # failed trials have no metric
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # Ctrl-C is ours to handle
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",  # it costs little here
}


def leave_out_snapshots() -> None:
    """Have Tune save an experiment's state when it ends alone: nobody restores it.

    It would write all trials anew each time that one of them has saved as many checkpoints
    as are kept, so that a study's cost would grow with the square of its trials; no setting
    of Tune's turns that off. When the manager is gone, measure again with
    ``python -m benchmarks scale``.
    """
    os.environ["TUNE_GLOBAL_CHECKPOINT_S"] = "inf"
    experiment_state._ExperimentCheckpointManager.on_trial_checkpoint = _ask_for_none


def _ask_for_none(self: Any, trial: Trial) -> None:
    """Take no notice of a trial's new checkpoint."""


def keep_keys_off_command_lines() -> None:
    """Have Tune not hand AWS's keys to the processes of trials.

    They would stand on the command lines of those, which everyone on the machine may read.
    The processes have the environment of Ray on their machine anyway. When the names are
    gone, see what ``runtime_env`` a trial's actor is given.
    """
    class_cache.ENV_VARS_TO_PROPAGATE = {
        name for name in class_cache.ENV_VARS_TO_PROPAGATE if not name.startswith("AWS_")
    }


def trial_stub(trial_id: str) -> Trial:
    """A trial of no experiment, to show a scheduler what an earlier driver's trial reported.

    Tune makes such trials when it restores an experiment. ASHA takes one, with None as its
    controller. When it is gone, a scheduler of our own has to keep the rungs.
    """
    return Trial("recorded", trial_id=trial_id, stub=True)


def clock_of(rule: MedianStoppingRule) -> str:
    """The name of the result by which the median rule tells time.

    When it is gone, hand the name to our subclass beside Ray's constructor.
    """
    return str(rule._time_attr)


def results_of(rule: MedianStoppingRule, trial: Trial) -> list[dict[str, Any]]:
    """All results of ``trial`` that the median rule compares others with; may be added to.

    When it is gone, report them by ``on_trial_result``, whose decisions are thrown away.
    """
    results: list[dict[str, Any]] = rule._results[trial]
    return results
