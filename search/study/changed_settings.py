"""Settings of a study that may change when it is resumed."""

from __future__ import annotations

from collections.abc import Sequence

from search.study.agreement import SEARCHED_FIELDS
from search.study.config import StudyConfig, put_setting, study_from
from spaces.errors import UserError

# With another value of these, the trials so far mean what they meant.
CHANGEABLE = ("n_trials", "timeout", "max_failed", "n_concurrent", "first", "warm_start")


def changed_settings(config: StudyConfig, overrides: Sequence[str]) -> StudyConfig:
    """The study with ``search.KEY=VALUE`` settings put over its own.

    Raises:
        UserError: one may not change, or breaks a rule.
    """
    values = config.model_dump(mode="json", exclude={"model": SEARCHED_FIELDS})
    for override in overrides:
        name = override.partition("=")[0]
        if name not in {f"search.{key}" for key in CHANGEABLE}:
            raise UserError(
                f"--set '{override}': a study keeps its {name}, so that its trials compare; only "
                f"search.{', '.join(CHANGEABLE)} may change; for others start a new study, which "
                "learns from this one by search.warm_start"
            )
        put_setting(values, override)
    return study_from(values, "--set")
