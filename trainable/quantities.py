"""Names of a trial's quantities, of which objectives are made; ``objective.py`` has the values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from spaces.expression import Expression

# Meaning of each quantity. All are of the trial so far, and at its end of the whole trial.
RISING: Mapping[str, str] = {
    "aucc": "area under the score over the objective's clock",
    "score": "best validation score",
    "last_score": "score of the last validation",
    "score_at": "score at the reading objective.at of the objective's clock",
}
SIZES: Mapping[str, str] = {  # known before training
    "mparams_total": "millions of parameters",
    "mparams_learned": "millions of parameters that training changes",
    "mparams_stored": "millions of parameters that a checkpoint must hold",
    "mparams_encoder": "millions of parameters of the encoder",
}
FALLING: Mapping[str, str] = {
    "loss": "lowest validation loss, in bits per target",
    "last_loss": "loss of the last validation",
    "seconds": "seconds of training",
    "updates": "updates",
    "tokens": "tokens on the clock of tokens",
    "flops": "FLOPs of training",
    **SIZES,
}
QUANTITIES: Mapping[str, str] = {**RISING, **FALLING}


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A quantity, or an expression over quantities, that is to be high or low."""

    text: str  # as QUANTITIES names it, or an expression
    falls: bool = False  # lower is better

    def gain(self, value: float) -> float:
        """``value`` with the sign by which higher is better."""
        return -value if self.falls else value

    @property
    def names(self) -> frozenset[str]:
        """Names of the quantities in it."""
        return frozenset({self.text}) if self.text in QUANTITIES else parsed(self.text).names


def goal_of(text: str) -> Goal:
    """The goal that ``text`` names: a quantity has its own direction, an expression rises.

    Raises:
        ExpressionError: it is neither.
    """
    text = text.strip()
    if text not in QUANTITIES:
        parsed(text)
    return Goal(text=text, falls=text in FALLING)


@lru_cache(maxsize=64)
def parsed(text: str) -> Expression:
    """The expression ``text`` over quantities.

    Raises:
        ExpressionError: it is none.
    """
    return Expression(text, QUANTITIES)
