"""Tune's snapshots of an experiment, which nobody restores: a study's memory is its own files."""

from __future__ import annotations

import os

from ray.tune.execution.experiment_state import _ExperimentCheckpointManager
from ray.tune.experiment import Trial


def leave_out_snapshots() -> None:
    """Have Tune save an experiment's state when it ends alone.

    It would write all trials anew each time that one of them has saved as many checkpoints
    as are kept, so that a study's cost would grow with the square of its trials; no setting
    of Tune's turns that off.
    """
    os.environ["TUNE_GLOBAL_CHECKPOINT_S"] = "inf"
    _ExperimentCheckpointManager.on_trial_checkpoint = _ask_for_none


def _ask_for_none(self: _ExperimentCheckpointManager, trial: Trial) -> None:
    """What Tune's manager does of a trial's new checkpoint."""
