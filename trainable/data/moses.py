"""Moses tokenisation as the standard pipelines do it, and the way back."""

from __future__ import annotations

from sacremoses import MosesDetokenizer, MosesTokenizer


class Moses:
    """The Moses tokenizer and detokenizer of one language."""

    def __init__(self, language: str) -> None:
        self._tokenizer = MosesTokenizer(lang=language)
        self._detokenizer = MosesDetokenizer(lang=language)

    def tokenise(self, raw: str) -> str:
        """Tokens with entities escaped, lower-cased, a space between each two."""
        tokens = self._tokenizer.tokenize(
            raw, aggressive_dash_splits=False, return_str=True, escape=True
        )
        return str(tokens).lower()

    def detokenise(self, tokens: str) -> str:
        """A sentence as one writes it, entities unescaped; capitals don't come back."""
        return str(self._detokenizer.detokenize(tokens.split(), return_str=True, unescape=True))
