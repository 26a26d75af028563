"""Warnings of settings that keep trials from showing what they can learn."""

from __future__ import annotations

from search.study.config import StudyConfig
from search.study.learning import longest_warm_up


def learning_warnings(config: StudyConfig) -> list[str]:
    """Warm-up, grace and validation interval that do not fit the budget, one line each.

    Trials learn with them all the same, only less or unseen, so nothing is refused. Clocks other
    than updates are known once a trial has run, and left out.
    """
    updates, interval = config.budget.updates, config.validation.interval_updates
    warm_up = longest_warm_up(config.space, config.train)
    warnings = []
    if updates is not None and warm_up >= updates:
        warnings.append(
            f"train.warmup_updates {warm_up:g} do not end within budget.updates {updates}: no "
            "trial trains on at its full learning rate; shorten the warm-up or raise the budget"
        )
    if updates is not None and interval > updates:
        warnings.append(
            f"validation.interval_updates {interval} is beyond budget.updates {updates}: of a "
            "curve only the end is seen, and no trial is stopped early; shorten the interval"
        )
    grace = _grace_on_updates(config)
    if grace is not None and grace < warm_up and (updates is None or warm_up < updates):
        warnings.append(
            f"scheduler.grace {grace:g} is inside the warm-up of {warm_up:g} updates: trials are "
            "stopped for how they start, not for what they learn; raise it, or leave it out"
        )
    return warnings


def _grace_on_updates(config: StudyConfig) -> float | None:
    """Update before which no trial is stopped; None if none is, or on another clock."""
    if config.scheduler.name == "none" or config.scheduler_clock != "updates":
        return None
    return config.scheduler_grace
