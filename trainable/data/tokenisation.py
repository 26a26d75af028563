"""How raw text becomes tokens, and how translations are scored: the choices of a user."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from spaces.errors import UserError
from trainable.characters import is_unspaced
from trainable.metrics.names import BleuTokenizer, MetricName

# Raw sentences; words as Moses writes them; or tokens that are used as they are.
Form = Literal["raw", "tokenised", "segmented"]
Kind = Literal["moses", "unigram", "bpe"]
RemoveBpe = Literal["subword_nmt", "sentencepiece"]  # fairseq's names of the ways to undo BPE


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokenisation:
    """Choices of tokens, case and metric; what is None follows from the languages.

    Raises:
        UserError: codes or a model are given that would not be used.
    """

    kind: Kind | None = None  # Moses and BPE, or SentencePiece's unigram or BPE
    cased: bool = False
    bpe_codes: Path | None = None  # given rather than learned
    sentencepiece_model: Path | None = None  # given rather than learned
    metric: MetricName = "BLEU"
    bleu_tokenizer: BleuTokenizer | None = None
    lossy: bool = False  # take text that does not come back from its tokens

    def __post_init__(self) -> None:
        if self.bpe_codes is not None and self.sentencepiece_model is not None:
            raise UserError("--bpe-codes and --sentencepiece-model: give one of them")
        if self.bpe_codes is not None and self.kind not in (None, "moses"):
            raise UserError(
                f"--bpe-codes {self.bpe_codes}: are of Moses' words; give --tokenizer moses"
            )
        if self.sentencepiece_model is not None and self.kind == "moses":
            raise UserError(
                f"--sentencepiece-model {self.sentencepiece_model}: is not for --tokenizer moses; "
                "leave that out"
            )

    def kind_for(self, *languages: str) -> Kind:
        """``kind``, or the languages' own: SentencePiece where one is written without spaces."""
        if self.kind is not None:
            return self.kind
        if self.bpe_codes is not None:
            return "moses"
        if self.sentencepiece_model is not None or any(map(is_unspaced, languages)):
            return "unigram"
        return "moses"
