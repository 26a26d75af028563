"""Moses tokenisation as in the standard pipelines, and detokenisation."""

from __future__ import annotations

from sacremoses import MosesDetokenizer, MosesTokenizer


class Moses:
    """The Moses tokenizer and detokenizer of one language."""

    def __init__(self, language: str) -> None:
        self._tokenizer = MosesTokenizer(lang=language)
        self._detokenizer = MosesDetokenizer(lang=language)

    def tokenise(self, raw: str) -> str:
        """Tokens separated by spaces, lower-cased, with entities escaped."""
        tokens = self._tokenizer.tokenize(
            raw, aggressive_dash_splits=False, return_str=True, escape=True
        )
        return str(tokens).lower()

    def detokenise(self, tokens: str) -> str:
        """Sentence in normal spelling with entities unescaped; capitals are not restored."""
        return str(self._detokenizer.detokenize(tokens.split(), return_str=True, unescape=True))
