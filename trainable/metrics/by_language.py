"""Metrics of text in a language."""

from __future__ import annotations

import logging

from trainable.characters import base_language, has_own_case
from trainable.metrics.bleu import Bleu, SpBleu, has_package
from trainable.metrics.chrf import ChrF
from trainable.metrics.metric import Metric
from trainable.metrics.names import BleuTokenizer
from trainable.metrics.rouge import rouge_l

log = logging.getLogger(__name__)

_BY_LANGUAGE: dict[str, BleuTokenizer] = {
    "zh": "zh",
    "yue": "zh",
    "wuu": "zh",
    "ja": "ja-mecab",
    "ko": "ko-mecab",
    # sacreBLEU has no words of these, and its advice for them is spBLEU.
    **dict.fromkeys(("th", "lo", "km", "my", "bo", "dz"), "char"),
}


def bleu_tokenizer(language: str) -> BleuTokenizer:
    """Tokenizer of sacreBLEU for translations into ``language``.

    Without the package of a MeCab tokenizer it is ``char``, with a warning.
    """
    tokenizer = _BY_LANGUAGE.get(base_language(language), "13a")
    if tokenizer.endswith("-mecab") and not has_package(tokenizer):
        extra = "japanese" if tokenizer == "ja-mecab" else "korean"
        log.warning(
            "BLEU counts single characters (tok:char), since MeCab is not installed; for "
            "words: pip install 'reservoir-search[%s]'",
            extra,
        )
        return "char"
    return tokenizer


def metric_by_name(name: str, *, language: str, tokenizer: str | None, cased: bool) -> Metric:
    """The metric ``name`` for translations or summaries in ``language``.

    Args:
        tokenizer: sacreBLEU's, for BLEU alone; the language's own if None.
    """
    lower = base_language(language) if has_own_case(language) else ""
    match name:
        case "chrF":
            return ChrF(cased=cased, lower=lower)
        case "spBLEU":
            return SpBleu(cased=cased, lower=lower)
        case "ROUGE-L":
            return rouge_l(language)
        case _:
            chosen = tokenizer or bleu_tokenizer(language)
            return Bleu(tokenizer=chosen, cased=cased, lower=lower)
