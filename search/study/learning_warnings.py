"""Warnings of settings that keep trials from showing what they can learn."""

from __future__ import annotations

import math

from search.study.config import StudyConfig
from search.study.learning import longest_warm_up


def learning_warnings(config: StudyConfig) -> list[str]:
    """Warm-up, grace and validation interval that do not fit the budget, one line each.

    Trials learn with them all the same, only less or unseen, so nothing is refused. What a budget
    in seconds or FLOPs allows is known once a trial has run, and left out.
    """
    interval = config.validation.interval_updates
    warm_up = longest_warm_up(config.space, config.train)
    updates, budget = _updates_within(config)
    warnings = []
    if warm_up >= updates:
        warnings.append(
            f"train.warmup_updates {warm_up:g} do not end within {budget}: no "
            "trial trains on at its full learning rate; shorten the warm-up or raise the budget"
        )
    if interval > updates:
        warnings.append(
            f"validation.interval_updates {interval} is beyond {budget}: of a "
            "curve only the end is seen, and no trial is stopped early; shorten the interval"
        )
    grace = _grace_on_updates(config)
    if grace is not None and grace < warm_up < updates:
        warnings.append(
            f"scheduler.grace {grace:g} is inside the warm-up of {warm_up:g} updates: trials are "
            "stopped for how they start, not for what they learn; raise it, or leave it out"
        )
    return warnings


def _updates_within(config: StudyConfig) -> tuple[float, str]:
    """Updates that a trial's budget allows, and the setting that ends it; infinite if unknown.

    Of a budget in tokens they are full ones: padding, which it does not count, leaves more.
    """
    budget, batch_tokens = config.budget, config.train.batch_tokens
    limits: list[tuple[float, str]] = [(math.inf, "")]
    if budget.updates is not None:
        limits.append((budget.updates, f"budget.updates {budget.updates}"))
    if budget.tokens is not None:
        full = budget.tokens / batch_tokens
        limits.append((full, f"budget.tokens {budget.tokens}, {full:,.0f} full updates"))
    return min(limits)


def _grace_on_updates(config: StudyConfig) -> float | None:
    """Update before which no trial is stopped; None if none is, or on another clock."""
    if config.scheduler.name == "none" or config.scheduler_clock != "updates":
        return None
    return config.scheduler_grace
