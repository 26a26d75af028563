"""Settings of a study as its folder has them: a later version's defaults change nothing."""

from __future__ import annotations

from typing import Any

from search.study.agreement import SEARCHED_FIELDS
from search.study.config import StudyConfig


def written_settings(config: StudyConfig) -> dict[str, Any]:
    """All settings, for JSON; those that candidates have are in the space instead."""
    settings = config.model_dump(mode="json", exclude={"model": SEARCHED_FIELDS})
    if config.scheduler.name != "none":
        settings["scheduler"]["grace"] = config.scheduler_grace
    return settings


def with_earlier_defaults(config: StudyConfig) -> StudyConfig:
    """The study as it was begun, where its folder does not say so.

    Up to version 0.2 ``scheduler.grace`` was a quarter of the budget by default, and no folder had
    it; later ones do.
    """
    scheduler = config.scheduler
    if scheduler.grace is not None or scheduler.name == "none":
        return config

    def changed(**settings: Any) -> StudyConfig:
        return config.model_copy(update={"scheduler": scheduler.model_copy(update=settings)})

    # Its default is a quarter still.
    return changed(grace=changed(name="extrapolation").scheduler_grace)
