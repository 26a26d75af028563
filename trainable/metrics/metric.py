"""The interface of a metric."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedBootstrap:
    """Outputs of two models for one test set, compared on resampled examples."""

    score: float
    score_baseline: float
    p: float  # p-value: probability of such a difference by the choice of examples alone
    n_resamples: int


class Metric(ABC):
    """A score from 0 upwards that rises as a model gets better."""

    name: ClassVar[str]  # as people write it in a heading or after a number
    floor: ClassVar[float] = 0.0  # score that chance reaches: below it nothing was learned

    @property
    @abstractmethod
    def signature(self) -> str:
        """Definition and versions in one line, to be quoted with a score."""

    @property
    def is_at_hand(self) -> bool:
        """True if nothing must be installed or downloaded for it."""
        return True

    @abstractmethod
    def score(self, outputs: Sequence[str], references: Sequence[str]) -> float:
        """The score of a whole set, one output and one reference for each example."""

    @abstractmethod
    def paired_bootstrap(
        self, outputs: Sequence[str], baseline: Sequence[str], references: Sequence[str]
    ) -> PairedBootstrap:
        """Test whether ``outputs`` score otherwise than the ``baseline``'s outputs."""
