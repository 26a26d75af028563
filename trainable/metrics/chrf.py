"""chrF: the F-score of character n-grams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sacrebleu.metrics.chrf import CHRF as SacreCHRF  # noqa: N811

from trainable.metrics.sacre import CasedMetric


@dataclass(frozen=True, kw_only=True)
class ChrF(CasedMetric):
    """chrF2 of sacreBLEU, 0 to 100; it needs no tokenizer.

    Source:
        M. Popović (2015), chrF: character n-gram F-score for automatic MT evaluation.
    """

    name = "chrF"

    def scorer(self, references: Sequence[str] | None = None) -> Any:
        given = None if references is None else [references]
        return SacreCHRF(lowercase=not self.cased, references=given)


CHRF = ChrF()
