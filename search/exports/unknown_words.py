"""Words that a model does not know, counted while it translates."""

from __future__ import annotations

from collections.abc import Sequence

_N_NAMED = 5  # unknown words that the sentence names


class UnknownWords:
    """Counts the words of the input that the dictionary lacks, and outputs with ``<unk>``."""

    def __init__(self, mark: str) -> None:
        """``mark`` is the dictionary's word for what it lacks."""
        self._mark = mark
        self._clear()

    def _clear(self) -> None:
        self._n_words = self._n_lines = self._n_outputs = 0
        self._named: dict[str, None] = {}  # the first few, in their order

    def read(self, words: Sequence[str], known: Sequence[bool]) -> None:
        """Count the words of a sentence of which a part is not known."""
        unknown = [word for word, is_known in zip(words, known, strict=True) if not is_known]
        self._n_words += len(unknown)
        self._n_lines += bool(unknown)
        for word in unknown:
            if len(self._named) < _N_NAMED:
                self._named[word] = None

    def wrote(self, text: str) -> None:
        """Count a translation in which the model left something open."""
        self._n_outputs += self._mark in text.split()

    def report(self) -> list[str]:
        """Sentences on the words since the last report; none where all were known."""
        lines = []
        if self._n_words:
            named = ", ".join(f"'{word}'" for word in self._named)
            more = ", …" if self._n_words > len(self._named) else ""
            lines.append(
                f"not in the model's dictionary, and read as {self._mark}: "
                f"{_counted(self._n_words, 'word')} in {_counted(self._n_lines, 'line')} "
                f"({named}{more})"
            )
        if self._n_outputs:
            lines.append(
                f"{self._mark} stands for a word that the model lacks in "
                f"{_counted(self._n_outputs, 'translation')}"
            )
        self._clear()
        return lines


def _counted(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
