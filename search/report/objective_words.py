"""Objectives in words, for headings and sentences."""

from __future__ import annotations

from trainable.aucc import UNITS, aucc_unit
from trainable.config import ObjectiveConfig
from trainable.quantities import QUANTITIES, Goal


def objective_words(objective: ObjectiveConfig, metric: str) -> str:
    """Name of the objective in running text; of several the first one's."""
    if objective.name == "aucc_per_mparam":
        return f"AUCC per million {objective.parameters} parameters"
    return goal_words(objective.goals[0], objective, metric)


def goal_words(goal: Goal, objective: ObjectiveConfig, metric: str) -> str:
    """Name of a quantity in running text; an expression stands for itself."""
    if goal.text.startswith("mparams_"):
        return f"millions of {goal.text.removeprefix('mparams_')} parameters"
    if goal.text == "score_at":
        return f"{metric} at {objective.reading:g} {_unit(objective)}"
    words = {
        "aucc": "AUCC",
        "score": f"best validation {metric}",
        "last_score": f"last validation {metric}",
        "loss": "validation loss",
        "last_loss": "last validation loss",
        "flops": "FLOPs",
        "seconds": "seconds of training",
    }
    return words.get(goal.text, goal.text)


def objective_unit(objective: ObjectiveConfig, metric: str) -> str | None:
    """Unit of the objective, of several of the first one's; None for an expression."""
    area = aucc_unit(metric, objective.clock)
    if objective.name == "aucc_per_mparam":
        return f"{area} / M parameters"
    units = {
        "aucc": area,
        **dict.fromkeys(("score", "last_score", "score_at"), metric),
        **dict.fromkeys(("loss", "last_loss"), "bits per target"),
        **{name: "M parameters" for name in QUANTITIES if name.startswith("mparams_")},
        "seconds": "seconds",
        "updates": "updates",
        "tokens": "tokens",
        "flops": "FLOPs",
    }
    return units.get(objective.goals[0].text)


def _unit(objective: ObjectiveConfig) -> str:
    # The setting is in seconds, whatever the unit of the area.
    return "seconds" if objective.clock == "seconds" else UNITS[objective.clock][0]
