"""The convergence curve: what a trial had spent, and how good it was, at each validation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated

from pydantic import AliasChoices, Field, TypeAdapter

from trainable.config import Clock

# Files of earlier versions, which knew translation alone, have scores by the second name.
OLD_SCORE = Field(validation_alias=AliasChoices("score", "bleu"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One validation. The four clocks count training alone, from the trial's start."""

    updates: int
    seconds: float  # of updates only: no validation, checkpoint or start-up
    tokens: int  # of the targets where a task has any, end of sentence included
    flops: float  # by arithmetic from layout, dimensions and tokens
    score: Annotated[float, OLD_SCORE]  # of validation, by the task's metric; higher is better
    loss: float  # of validation, bits per target, as fairseq prints it
    train_loss: float  # the same over the training batches since the point before

    def at(self, clock: Clock) -> float:
        """The reading of ``clock`` at this point."""
        return float(getattr(self, clock))

    def to_dict(self) -> dict[str, float]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, float]) -> Point:
        return _POINT.validate_python(values)


_POINT = TypeAdapter(Point)
