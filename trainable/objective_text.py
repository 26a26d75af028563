"""Objectives as a study file writes them: names of quantities, and expressions."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

from spaces.faults import did_you_mean
from spaces.space_fields import names_or_pattern
from trainable.quantities import QUANTITIES, goal_of

NAMED = ("aucc_per_mparam", "pareto")  # objectives that are no quantities


def _check_objective(name: str) -> str:
    return name if name in NAMED else _check_goal(name, NAMED)


def _check_goal(text: str, others: tuple[str, ...] = ()) -> str:
    """Check that a text is a quantity or an expression, and leave out spaces around it."""
    known = (*others, *QUANTITIES)
    if text.strip() == NAMED[0] and not others:
        raise ValueError(
            f"{NAMED[0]} is an objective by itself; as one of several write aucc / mparams_total"
        )
    if text.strip().isidentifier() and text.strip() not in known:
        hint = did_you_mean(text, known) or ", or an expression of these"
        raise ValueError(f"must be one of {', '.join(known)}{hint}")
    return goal_of(text).text


_EXPRESSION = r"\W"  # it has a sign or space, which no name has
ObjectiveText = Annotated[
    str,
    AfterValidator(_check_objective),
    WithJsonSchema(names_or_pattern((*NAMED, *QUANTITIES), _EXPRESSION)),
]
QuantityText = Annotated[
    str,
    AfterValidator(_check_goal),
    WithJsonSchema(names_or_pattern(tuple(QUANTITIES), _EXPRESSION)),
]
