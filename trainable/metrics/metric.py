"""The interface of a metric."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from trainable.data.manifest import Manifest


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

    @property
    @abstractmethod
    def signature(self) -> str:
        """Definition and versions in one line, to be quoted with a score."""

    @abstractmethod
    def score(self, outputs: Sequence[str], references: Sequence[str]) -> float:
        """The score of a whole set, one output and one reference for each example."""

    def floor(self, manifest: Manifest | None) -> float:
        """The score that chance reaches: no model below it has learned anything.

        Args:
            manifest: of the prepared data; None if they are gone.
        """
        return 0.0

    @abstractmethod
    def paired_bootstrap(
        self, outputs: Sequence[str], baseline: Sequence[str], references: Sequence[str]
    ) -> PairedBootstrap:
        """Test whether ``outputs`` score otherwise than the ``baseline``'s outputs."""
