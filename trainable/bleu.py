"""BLEU as this project measures it, wherever it does."""

from __future__ import annotations

from collections.abc import Sequence

from sacrebleu.metrics.bleu import BLEU


def corpus_bleu(hypotheses: Sequence[str], references: Sequence[str]) -> tuple[float, str]:
    """Case-insensitive sacreBLEU of detokenised text, and its signature."""
    metric = BLEU(lowercase=True)
    score = metric.corpus_score(list(hypotheses), [list(references)])
    return score.score, str(metric.get_signature())
