"""Reports of unknown words, and answers at a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
import torch

from search.commands.translate import _converse
from search.exports.translate import Translator
from search.exports.unknown_words import UnknownWords
from tests.search.conftest import RealExport
from trainable.data.manifest import TokenizerInfo
from trainable.data.pieces import given_pieces
from trainable.data.tokenizer import Tokenizer
from trainable.decoding import Hypothesis


def test_unknown_units_and_open_translations_are_counted_and_a_few_named():
    unknown = UnknownWords("<unk>")
    assert unknown.sentences() == []
    unknown.read(["ab", "c@@", "d"], [True, False, True])
    unknown.read(["e"], [True])
    unknown.read(list("fghijk"), [False] * 6)
    unknown.wrote("a <unk> b")
    unknown.wrote("a b")
    read, written = unknown.sentences()
    assert read == (
        "not in the model's dictionary, and read as <unk>: 7 units in 2 lines "
        "('c@@', 'f', 'g', 'h', 'i', …)"
    )
    assert written == "<unk> stands for a word that the model lacks in 1 translation"


def test_a_translator_notices_what_its_dictionary_lacks(real_export: RealExport):
    translator = Translator(real_export.folder)
    list(translator.translate(["der hund", ""], beam=1))
    assert not [line for line in translator.unknown.sentences() if "dictionary" in line]
    list(translator.translate(["der 漢"], beam=1))
    assert "1 unit in 1 line ('漢')" in translator.unknown.sentences()[0]


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
    assert "in 2 translations" in translator.unknown.sentences()[-1]


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

    monkeypatch.setattr("builtins.input", typed)
    _converse(shout)
    assert capsys.readouterr().out == "> ONE\n> TWO\n> \n"
