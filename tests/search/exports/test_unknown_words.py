"""Reports of unknown words, and answers at a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
import torch

from search.commands.translate import _converse
from search.exports.translate import Translator
from search.exports.unknown_words import UnknownWords
from search.study import console
from tests.search.conftest import RealExport
from trainable.data.manifest import TokenizerInfo
from trainable.data.pieces import Pieces, given_pieces
from trainable.data.tokenizer import Tokenizer
from trainable.decoding import Hypothesis


def test_unknown_words_and_open_translations_are_counted_and_a_few_named():
    unknown = UnknownWords("<unk>")
    assert unknown.report() == []
    unknown.read(["ab", "cd"], [True, False])
    unknown.read(["e"], [True])
    unknown.read(list("fghijk"), [False] * 6)
    unknown.wrote("a <unk> b")
    unknown.wrote("a b")
    read, written = unknown.report()
    assert read == (
        "not in the model's dictionary, and read as <unk>: 7 words in 2 lines "
        "('cd', 'f', 'g', 'h', 'i', …)"
    )
    assert written == "<unk> stands for a word that the model lacks in 1 translation"
    assert unknown.report() == []  # each is told once


def test_a_translator_notices_what_its_dictionary_lacks(real_export: RealExport):
    translator = Translator(real_export.folder)
    list(translator.translate(["der hund", ""], beam=1))
    assert not [line for line in translator.unknown.report() if "dictionary" in line]
    list(translator.translate(["der qxq hund 漢"], beam=1))  # the first in several units
    assert "2 words in 1 line ('qxq', '漢')" in translator.unknown.report()[0]


@pytest.mark.parametrize(
    ("pieces", "units"),
    [
        (given_pieces(sentencepiece=False), ["ab", "c@@", "d", "e@@"]),
        (given_pieces(sentencepiece=True), ["▁ab", "▁c", "d", "▁e"]),
    ],
)
def test_units_are_put_together_to_words(pieces: Pieces, units: list[str]):
    info = TokenizerInfo(kind="none", bpe_merges=0)
    words = Tokenizer(language="de", info=info, pieces=pieces).words(units)
    assert words == [("ab", 1), ("cd", 2), ("e", 1)]


class FoundBefore(Translator):
    """A translator whose search has ended."""

    def __init__(self, found: list[list[Hypothesis] | None]) -> None:
        self.unknown = UnknownWords("<unk>")
        self._tgt = Tokenizer(
            language="en",
            info=TokenizerInfo(bpe_merges=0),
            pieces=given_pieces(sentencepiece=False),
        )
        self._model = torch.nn.Identity()
        self._all = found

    def _found(self, sentences: Iterable[str], find: Any) -> Iterator[Any]:
        return iter(self._all)


def test_each_of_several_translations_with_an_unknown_word_is_counted():
    found = [Hypothesis(text=text, score=-1.0) for text in ("a <unk>", "a b", "<unk>")]
    translator = FoundBefore([found, None])
    assert len(list(translator.n_best(["der hund", ""], beam=3, n_best=3))) == 2
    assert "in 2 translations" in translator.unknown.report()[-1]


def test_at_a_terminal_a_sentence_is_answered_before_the_next_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    lines = iter(["one", "two"])

    def typed(prompt: str) -> str:
        print(prompt, end="")
        try:
            return next(lines)
        except StopIteration:
            raise EOFError from None

    def shout(sentences: Iterable[str]) -> Iterator[str]:
        return (sentence.upper() for sentence in sentences)

    notes = iter([["one is unknown"], []])
    monkeypatch.setattr("builtins.input", typed)
    monkeypatch.setattr(console, "tell", print)
    _converse(shout, lambda: next(notes))
    told = capsys.readouterr().out.split("\n")
    assert told == ["a sentence a line; Ctrl-D ends", "> ONE", "one is unknown", "> TWO", "> ", ""]
