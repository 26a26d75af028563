"""Subword units of words: BPE of subword-nmt, SentencePiece, or those that were given."""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from collections.abc import Iterable

import sentencepiece

from spaces.errors import UserError
from trainable.data import bpe

_SAMPLE = 2_000_000  # sentences that a model is learned on, at most: bounds its memory
_SEED = 1
_SPACE = "\u2581"  # a space, in SentencePiece's units


class Pieces(ABC):
    """Split of text into subword units, and back."""

    @abstractmethod
    def segment(self, text: str) -> str:
        """Units of ``text``, separated by spaces."""

    @abstractmethod
    def join(self, tokens: str) -> str:
        """Text of units, the inverse of ``segment``."""

    def begins_word(self, unit: str, *, after: str) -> bool:
        """True if a word begins with ``unit``, which comes ``after`` another."""
        return not after.endswith(bpe.CONTINUES.strip())


class BpePieces(Pieces):
    """BPE of the words of tokenised text.

    Raises:
        ValueError: ``codes`` are not valid BPE codes.
    """

    def __init__(self, codes: str) -> None:
        self._segmenter = bpe.segmenter(codes)

    def segment(self, text: str) -> str:
        return self._segmenter.segment(text)

    def join(self, tokens: str) -> str:
        return bpe.join(tokens)


class SentencePieces(Pieces):
    """Units of a SentencePiece model, which hold the spaces too, so that raw text comes back.

    Raises:
        ValueError: ``model`` is no SentencePiece model.
    """

    def __init__(self, model: bytes) -> None:
        try:
            self._processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        except RuntimeError as error:
            raise ValueError("it is no SentencePiece model") from error

    def segment(self, text: str) -> str:
        return " ".join(self._processor.encode(text, out_type=str))

    def join(self, tokens: str) -> str:
        return str(self._processor.decode(tokens.split()))

    def begins_word(self, unit: str, *, after: str) -> bool:
        return unit.startswith(_SPACE)


class GivenPieces(Pieces):
    """Units that the text has already; ``@@`` at the end of one joins it to the next."""

    def segment(self, text: str) -> str:
        return text

    def join(self, tokens: str) -> str:
        return bpe.join(tokens)


class GivenSentencePieces(GivenPieces):
    """Units that the text has already, of a SentencePiece model that is not known."""

    def join(self, tokens: str) -> str:
        return tokens.replace(" ", "").replace(_SPACE, " ").strip()

    def begins_word(self, unit: str, *, after: str) -> bool:
        return unit.startswith(_SPACE)


def given_pieces(*, sentencepiece: bool) -> GivenPieces:
    """Units that the text has already: SentencePiece's, or those of BPE."""
    return GivenSentencePieces() if sentencepiece else GivenPieces()


def learn_sentencepiece(lines: Iterable[str], *, model_type: str, n_pieces: int) -> bytes:
    """SentencePiece model of at most ``n_pieces`` units, learned on raw ``lines``.

    Text is taken as it is, with all its spaces and characters.

    Raises:
        UserError: the text is too little, or has too many characters, for so many units.
    """
    model = io.BytesIO()
    sentencepiece.set_random_generator_seed(_SEED)
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines),
            model_writer=model,
            model_type=model_type,
            vocab_size=n_pieces,
            hard_vocab_limit=False,
            normalization_rule_name="identity",
            remove_extra_whitespaces=False,
            input_sentence_size=_SAMPLE,
            shuffle_input_sentence=True,
            bos_id=-1,
            eos_id=-1,
            minloglevel=2,
        )
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"SentencePiece: {n_pieces} pieces cannot be learned on this text ({reason}); "
            "give another --bpe-merges, or more text"
        ) from error
    return model.getvalue()
