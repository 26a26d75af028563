"""Settings of a study that may change when it is resumed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from pydantic import ValidationError

from search.study.agreement import SEARCHED_FIELDS
from search.study.config import StudyConfig, put_setting, study_from
from spaces.errors import UserError
from trainable.config import CLOCKS, Budget

# With another value of these, the trials so far mean what they meant.
_LIMITS = {f"budget.{clock}" for clock in CLOCKS}
CHANGEABLE = ("n_trials", "timeout", "max_failed", "n_concurrent", "first", "warm_start")


def changed_settings(config: StudyConfig, overrides: Sequence[str]) -> StudyConfig:
    """The study with ``search.KEY=VALUE`` and ``budget.KEY=VALUE`` settings put over its own.

    Raises:
        UserError: one may not change, or breaks a rule.
    """
    values = config.model_dump(mode="json", exclude={"model": SEARCHED_FIELDS})
    for override in overrides:
        name = override.partition("=")[0]
        if name not in {f"search.{key}" for key in CHANGEABLE} | _LIMITS:
            raise UserError(
                f"--set '{override}': a study keeps its {name}, so that its trials compare; only "
                f"search.{', '.join(CHANGEABLE)} may change, and [budget] become longer; for "
                "others start a new study, which learns from this one by search.warm_start"
            )
        put_setting(values, override)
    with suppress(ValidationError):  # a fault of the budget itself is told with all others
        # Before the rules between tables, which would blame the setting that a low budget breaks.
        _refuse_shorter(config.budget, Budget.model_validate(values["budget"]))
    return study_from(values, "--set")


def _refuse_shorter(budget: Budget, changed: Budget) -> None:
    """Check that no trial ends earlier by ``changed`` than by ``budget``.

    Raises:
        UserError: a limit is lower, or new.
    """
    for clock in CLOCKS:
        limit, new = budget.on(clock), changed.on(clock)
        if new is not None and (limit is None or new < limit):
            now = "none" if limit is None else f"{limit:g}"
            raise UserError(
                f"--set budget.{clock}={new:g}: the study's is {now}, and a trial may only go on "
                "longer; give more, or start a new study"
            )
