"""BLEU as this project measures it, wherever it does."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from sacrebleu.metrics.bleu import BLEU as SacreBLEU  # noqa: N811
from sacrebleu.significance import PairedTest, Result

from trainable.metrics.metric import Metric, PairedBootstrap

N_RESAMPLES = 1000


class Bleu(Metric):
    """Case-insensitive sacreBLEU of detokenised text, 0 to 100."""

    name = "BLEU"
    floor = 1.0  # an untrained model reaches it with its few most frequent words

    @property
    def signature(self) -> str:
        metric = SacreBLEU(lowercase=True)
        metric.corpus_score(["a"], [["a"]])  # which tells it the number of references
        return str(metric.get_signature())

    def score(self, outputs: Sequence[str], references: Sequence[str]) -> float:
        return float(_scorer(tuple(references)).corpus_score(list(outputs), None).score)

    def paired_bootstrap(
        self, outputs: Sequence[str], baseline: Sequence[str], references: Sequence[str]
    ) -> PairedBootstrap:
        """Run the paired bootstrap of sacreBLEU.

        Source:
            P. Koehn (2004), Statistical significance tests for machine translation evaluation.
        """
        _, results = PairedTest(
            [("baseline", list(baseline)), ("system", list(outputs))],
            {self.name: SacreBLEU(lowercase=True)},
            [list(references)],
            test_type="bs",
            n_samples=N_RESAMPLES,
        )()
        base, system = (result for result in results[self.name] if isinstance(result, Result))
        assert system.p_value is not None
        return PairedBootstrap(
            score=system.score,
            score_baseline=base.score,
            p=system.p_value,
            n_resamples=N_RESAMPLES,
        )


@lru_cache(maxsize=4)  # of a trial's validation, and of a test set in its parts
def _scorer(references: tuple[str, ...]) -> SacreBLEU:
    """A scorer that has counted the n-grams of ``references``: two fifths of the time."""
    return SacreBLEU(lowercase=True, references=[list(references)])


BLEU = Bleu()
