"""Tokenizer of one side of a prepared folder: raw text to subword tokens and back."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal

from spaces.errors import DamagedData
from trainable.characters import lowered, normal
from trainable.data.manifest import Manifest, TokenizerInfo
from trainable.data.moses import Moses
from trainable.data.own_files import require_own_files
from trainable.data.pieces import BpePieces, Pieces, SentencePieces, given_pieces

Side = Literal["src", "tgt"]


class Tokenizer:
    """Tokenisation, case and subword units of one language.

    Decoded sentences are cached, since validations often repeat them.
    """

    def __init__(self, *, language: str, info: TokenizerInfo, pieces: Pieces) -> None:
        self.language = language
        self._info = info
        self._moses = moses_of(info, language)
        self._pieces = pieces
        self._decode = lru_cache(maxsize=65_536)(self._decode_one)

    @classmethod
    def load(cls, folder: Path, side: Side) -> Tokenizer:
        """Tokenizer of one side of a prepared folder.

        Raises:
            DamagedData: the folder holds no prepared data, or its codes cannot be read.
        """
        manifest = Manifest.load(folder)
        language = manifest.src if side == "src" else manifest.sides[1]
        return cls(
            language=language, info=manifest.tokenizer, pieces=_load(folder, manifest.tokenizer)
        )

    def encode(self, raw: str) -> str:
        """Tokens of a raw sentence, separated by spaces; none of one without words."""
        match self._info.kind:
            case "moses":
                return self._pieces.segment(self._moses.tokenise(raw))
            case "sentencepiece":
                return self._pieces.segment(self.cased(" ".join(normal(raw).split())))
            case "none":
                return " ".join(normal(raw).split())

    def decode(self, tokens: str) -> str:
        """Sentence of tokens in normal spelling, in lower case unless the data are cased."""
        return self._decode(tokens)

    def words(self, units: Sequence[str]) -> list[tuple[str, int]]:
        """Words that ``units`` make, each with the number of its units."""
        words: list[list[str]] = []
        for unit in units:
            if not words or self._pieces.begins_word(unit, after=words[-1][-1]):
                words.append([])
            words[-1].append(unit)
        return [(self._pieces.join(" ".join(word)).strip(), len(word)) for word in words]

    def cased(self, text: str) -> str:
        """``text`` in the case of the tokens."""
        return lowered(text, self.language) if self._info.lower_case else text

    def _decode_one(self, tokens: str) -> str:
        text = self._pieces.join(tokens)
        return text.strip() if self._info.has_spaces else self._moses.detokenise(text)


def moses_of(info: TokenizerInfo, language: str) -> Moses:
    """Moses of one language, by the rules and in the case of a prepared folder."""
    return Moses(
        language,
        cased=not info.lower_case,
        earlier=language not in info.own_rules,
        hyphen_mark=info.hyphen_mark,
    )


def _load(folder: Path, info: TokenizerInfo) -> Pieces:
    if not info.files:
        return given_pieces(sentencepiece=info.has_spaces)
    path = folder / info.files[0]
    require_own_files(folder, info.files)
    try:
        if info.kind == "sentencepiece":
            return SentencePieces(path.read_bytes())
        return BpePieces(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DamagedData(f"{path}: cannot be read ({error}); prepare it again") from error
