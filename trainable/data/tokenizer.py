"""Tokenizer of one side of a prepared folder: raw text to BPE tokens and back."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Literal

from spaces.errors import DamagedData
from trainable.data.bpe import join, segmenter
from trainable.data.manifest import BPE_CODES, Manifest
from trainable.data.moses import Moses
from trainable.data.own_files import require_own_files

Side = Literal["src", "tgt"]


class Tokenizer:
    """Moses tokenisation, lower-casing and BPE of one language.

    Decoded sentences are cached, since validations often repeat them.

    Raises:
        ValueError: ``codes`` are not valid BPE codes.
    """

    def __init__(self, *, language: str, codes: str) -> None:
        self.language = language
        self._moses = Moses(language)
        self._bpe = segmenter(codes)
        self._decode = lru_cache(maxsize=65_536)(self._decode_one)

    @classmethod
    def load(cls, folder: Path, side: Side) -> Tokenizer:
        """Tokenizer of one side of a prepared folder.

        Raises:
            DamagedData: the folder holds no prepared data, or its BPE codes cannot be read.
        """
        manifest = Manifest.load(folder)
        path = folder / BPE_CODES
        require_own_files(folder, [BPE_CODES])
        language = manifest.src if side == "src" else manifest.sides[1]
        try:
            return cls(language=language, codes=path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DamagedData(f"{path}: cannot be read ({error}); prepare it again") from error

    def encode(self, raw: str) -> str:
        """BPE tokens of a raw sentence, separated by spaces."""
        return self._bpe.segment(self._moses.tokenise(raw))

    def decode(self, tokens: str) -> str:
        """Sentence of BPE tokens, detokenised and unescaped, in lower case."""
        return self._decode(tokens)

    def _decode_one(self, tokens: str) -> str:
        return self._moses.detokenise(join(tokens))
