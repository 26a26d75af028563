"""Cost of a teacher, to be told beside what its students cost."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TeacherCost:
    """Size of a teacher, and the cost of its probabilities of the training set.

    They are made once for all trials, on no trial's clock.
    """

    n_params_total: int
    flops: float  # forward pass over the training set
    seconds: float  # of the trial that made them, on its device

    def __str__(self) -> str:
        return (
            f"{self.n_params_total / 1e6:.3f} M parameters; its probabilities of the training set "
            f"took {self.flops:.3g} FLOPs and {self.seconds:.1f} s, which no trial's clock counts"
        )
