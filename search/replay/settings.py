"""Settings of a replayed study."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from search.replay.trial_table import TrialTable, recorded_settings
from search.study.config import StudyConfig, put_setting, study_from
from search.study.references import model0_candidates
from spaces.errors import UserError
from trainable.aucc import best_point

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
    return _with_known_bound(config, table)


def _with_known_bound(config: StudyConfig, table: TrialTable) -> StudyConfig:
    """The study with a number for a bound that is a part of Model 0's score.

    Raises:
        UserError: the table has no trial of Model 0.
    """
    objective = config.objective
    share = objective.share_of_model0
    if share is None:
        return config
    scores = [
        fmean(best_point(trial.curve).score for trial in table.by_key[candidate.key])
        for candidate in model0_candidates(config)
        if candidate.key in table.by_key
    ]
    if not scores:
        raise UserError(
            f"objective.min_score '{objective.min_score}': the table has no trial of Model 0; "
            "give a number: --set objective.min_score=NUMBER"
        )
    bounded = objective.model_copy(update={"min_score": share * max(scores)})
    return config.model_copy(update={"objective": bounded})
