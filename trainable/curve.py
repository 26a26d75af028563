"""The convergence curve: what a trial had spent, and how good it was, at each validation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from trainable.config import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One validation. The four clocks count training alone, from the trial's start."""

    updates: int
    seconds: float  # of updates only: no validation, checkpoint or start-up
    tokens: int  # target tokens, end of sentence included
    flops: float  # by arithmetic from layout, dimensions and tokens
    bleu: float  # sacreBLEU on the validation set, 0 to 100
    loss: float  # label-smoothed validation loss, bits per target token, as fairseq prints it
    train_loss: float  # the same over the training batches since the point before

    def at(self, clock: Clock) -> float:
        """The reading of ``clock`` at this point."""
        return float(getattr(self, clock))

    def to_dict(self) -> dict[str, float]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, float]) -> Point:
        return cls(
            updates=int(values["updates"]),
            seconds=float(values["seconds"]),
            tokens=int(values["tokens"]),
            flops=float(values["flops"]),
            bleu=float(values["bleu"]),
            loss=float(values["loss"]),
            train_loss=float(values["train_loss"]),
        )
