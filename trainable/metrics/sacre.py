"""Metrics that sacreBLEU computes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sacrebleu.significance import PairedTest, Result

from trainable.characters import lowered
from trainable.metrics.metric import Metric, PairedBootstrap

N_RESAMPLES = 1000


class SacreMetric(Metric):
    """A metric of sacreBLEU; instances are frozen, and equal ones share their scorers."""

    @abstractmethod
    def scorer(self, references: Sequence[str] | None = None) -> Any:
        """Scorer of sacreBLEU; with ``references`` it has counted their n-grams."""

    def prepared(self, sentences: Sequence[str]) -> list[str]:
        """Outputs or references as they are given to sacreBLEU."""
        return list(sentences)

    @property
    def signature(self) -> str:
        return _signature(self)

    def score(self, outputs: Sequence[str], references: Sequence[str]) -> float:
        scorer = _scorer(self, tuple(references))
        return float(scorer.corpus_score(self.prepared(outputs), None).score)

    def paired_bootstrap(
        self, outputs: Sequence[str], baseline: Sequence[str], references: Sequence[str]
    ) -> PairedBootstrap:
        """Run the paired bootstrap of sacreBLEU.

        Source:
            P. Koehn (2004), Statistical significance tests for machine translation evaluation.
        """
        _, results = PairedTest(
            [("baseline", self.prepared(baseline)), ("system", self.prepared(outputs))],
            {self.name: self.scorer()},
            [self.prepared(references)],
            test_type="bs",
            n_samples=N_RESAMPLES,
        )()
        # Beside the systems' names the results have one entry, by sacreBLEU's name of the metric.
        (found,) = (values for name, values in results.items() if name != "System")
        base, system = (result for result in found if isinstance(result, Result))
        assert system.p_value is not None
        return PairedBootstrap(
            score=system.score,
            score_baseline=base.score,
            p=system.p_value,
            n_resamples=N_RESAMPLES,
        )


@dataclass(frozen=True, kw_only=True)
class CasedMetric(SacreMetric):
    """A metric of sacreBLEU that tells capitals from small letters, or does not."""

    cased: bool = False
    lower: str = ""  # the target language, where its lower case is not Unicode's default

    def prepared(self, sentences: Sequence[str]) -> list[str]:
        if self.lower and not self.cased:
            return [lowered(sentence, self.lower) for sentence in sentences]
        return list(sentences)

    @property
    def signature(self) -> str:
        signed = super().signature
        return f"{signed}|lower:{self.lower}" if self.lower and not self.cased else signed


@lru_cache(maxsize=4)  # of a trial's validation, and of a test set in its parts
def _scorer(metric: SacreMetric, references: tuple[str, ...]) -> Any:
    """A scorer that has counted the n-grams of ``references``: two fifths of the time."""
    return metric.scorer(metric.prepared(references))


@lru_cache(maxsize=16)
def _signature(metric: SacreMetric) -> str:
    scorer = metric.scorer()
    scorer.corpus_score(["a"], [["a"]])  # which tells it the number of references
    return str(scorer.get_signature())
