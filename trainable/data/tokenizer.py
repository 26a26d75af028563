"""Raw text to BPE tokens and back, for one side of a prepared folder."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Literal

from spaces.errors import UserError
from trainable.data.bpe import join, segmenter
from trainable.data.manifest import BPE_CODES, Manifest
from trainable.data.moses import Moses
from trainable.data.own_files import require_own_files

Side = Literal["src", "tgt"]


class Tokenizer:
    """Moses, lower-casing and BPE of one language.

    Decoding remembers sentences: validation meets the same ones again and again.
    """

    def __init__(self, *, language: str, codes: str) -> None:
        self.language = language
        self._moses = Moses(language)
        self._bpe = segmenter(codes)
        self._decode = lru_cache(maxsize=65_536)(self._decode_one)

    @classmethod
    def load(cls, folder: Path, side: Side) -> Tokenizer:
        """The tokenizer of one side of a prepared folder."""
        manifest = Manifest.load(folder)
        path = folder / BPE_CODES
        require_own_files(folder, [BPE_CODES])
        language = manifest.src if side == "src" else manifest.tgt
        try:
            return cls(language=language, codes=path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UserError(f"{path}: cannot be read ({error}); prepare it again") from error

    def encode(self, raw: str) -> str:
        """BPE tokens of a raw sentence, a space between each two."""
        return self._bpe.segment(self._moses.tokenise(raw))

    def decode(self, tokens: str) -> str:
        """The sentence that BPE tokens spell, detokenised and unescaped, in lower case."""
        return self._decode(tokens)

    def _decode_one(self, tokens: str) -> str:
        return self._moses.detokenise(join(tokens))
