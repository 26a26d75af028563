"""Settings of a replayed study."""

from __future__ import annotations

from collections.abc import Sequence

from search.replay.trial_table import TrialTable, recorded_settings
from search.study.config import StudyConfig, put_setting, study_from
from spaces.errors import UserError

# Settings that the recorded curves depend on.
_RECORDED = ("data", "model", "train", "validation", "budget", "ranks")


def replayed_study(table: TrialTable, overrides: Sequence[str] = ()) -> StudyConfig:
    """The table's study with default search settings, and with ``table.key=value`` overrides.

    Raises:
        UserError: a setting breaks a rule, or needs curves that the table does not have.
    """
    values = recorded_settings(table.study)
    for override in overrides:
        put_setting(values, override)
    config = study_from(values, "replay")
    other = [name for name in _RECORDED if getattr(config, name) != getattr(table.study, name)]
    if config.search.warm_start:
        raise UserError(
            "--set: search.warm_start: a replay knows the table's trials alone; leave it out"
        )
    if config.search.proxy is not None:
        raise UserError("--set: search.proxy: a table has no models to measure; leave it out")
    if other:
        raise UserError(
            f"--set: {', '.join(other)}: the table was recorded with other settings; a "
            "replay may change only seed, space, objective, search and scheduler"
        )
    return config
