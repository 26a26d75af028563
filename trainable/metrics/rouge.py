"""ROUGE: the overlap of words between a summary and its reference."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from typing import Any, ClassVar, Literal

from trainable.characters import base_language, is_unspaced, lowered, marks_class
from trainable.metrics.metric import Metric, PairedBootstrap
from trainable.metrics.resampling import paired_bootstrap

Words = Literal["english", "letters", "characters"]
_SIGNATURES: dict[Words, str] = {
    "english": "stemmer:Porter|tokens:a-z0-9",
    "letters": "stemmer:none|tokens:letters and digits",
    "characters": "stemmer:none|tokens:characters",
}


@dataclass(frozen=True, kw_only=True)
class Rouge(Metric):
    """F1 of Google's rouge-score, mean over the examples, 0 to 100; case does not count.

    English has rouge-score's own words, stemmed. They are of the letters a to z alone, so other
    languages have words of any letters, unstemmed, and those written without spaces characters.

    Source:
        C.-Y. Lin (2004), ROUGE: a package for automatic evaluation of summaries.
    """

    kind: ClassVar[str]  # as rouge-score calls it

    language: str = "en"  # its code, without country

    @property
    def words(self) -> Words:
        """Definition of a word in the language."""
        if self.language == "en":
            return "english"
        return "characters" if is_unspaced(self.language) else "letters"

    @property
    def signature(self) -> str:
        version = metadata.version("rouge-score")
        return f"{self.kind}|F1|{_SIGNATURES[self.words]}|rouge-score:{version}"

    def score(self, outputs: Sequence[str], references: Sequence[str]) -> float:
        return _mean(self.of_each(outputs, references), references)

    def of_each(self, outputs: Sequence[str], references: Sequence[str]) -> list[float]:
        """F1 of each output, 0 to 100."""
        scorer = _scorer(self.kind, self.language, self.words)
        return [
            100 * float(scorer.score(reference, output)[self.kind].fmeasure)
            for output, reference in zip(outputs, references, strict=True)
        ]

    def paired_bootstrap(
        self, outputs: Sequence[str], baseline: Sequence[str], references: Sequence[str]
    ) -> PairedBootstrap:
        """Run the paired bootstrap over examples, by sacreBLEU's procedure."""
        ours, theirs = (self.of_each(texts, references) for texts in (outputs, baseline))
        return paired_bootstrap(_mean, ours, theirs, references)


class Rouge1(Rouge):
    """ROUGE of single words."""

    name = "ROUGE-1"
    kind = "rouge1"


class Rouge2(Rouge):
    """ROUGE of pairs of words."""

    name = "ROUGE-2"
    kind = "rouge2"


class RougeL(Rouge):
    """ROUGE of the longest common subsequence of words."""

    name = "ROUGE-L"
    kind = "rougeL"


ROUGE_L = RougeL()


def rouge_l(language: str) -> RougeL:
    """ROUGE-L of summaries in the language of a code such as ``pt-BR``."""
    return RougeL(language=base_language(language))


def _mean(numbers: Sequence[float], references: Sequence[str]) -> float:
    return sum(numbers) / len(references)


@lru_cache(maxsize=4)
def _scorer(kind: str, language: str, words: Words) -> Any:
    from rouge_score.rouge_scorer import RougeScorer  # it imports all of nltk

    if words == "english":
        return RougeScorer([kind], use_stemmer=True)
    return RougeScorer(
        [kind], tokenizer=_Tokens(language=language, of_characters=words == "characters")
    )


@dataclass(frozen=True, kw_only=True)
class _Tokens:
    """Tokeniser for rouge-score: words of letters, marks and digits, or these one by one."""

    language: str
    of_characters: bool

    def tokenize(self, text: str) -> list[str]:
        several = "" if self.of_characters else "+"
        return re.findall(rf"(?:[^\W_]|[{marks_class()}]){several}", lowered(text, self.language))
