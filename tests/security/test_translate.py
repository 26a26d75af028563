"""``translate`` of lines that are no sentences: each line has its translation, in little memory."""

from __future__ import annotations

import io
import logging
from pathlib import Path

import pytest

from search.exports.translate import (
    BATCH_SENTENCES,
    BATCH_TOKENS,
    MAX_CHARACTERS,
    Translator,
    _batches,
    sentences_of,
)

SENTENCE = "Der Hund schläft."


@pytest.fixture(scope="module")
def translator(whole_export: Path) -> Translator:
    return Translator(whole_export)


def test_lines_that_are_too_long_are_cut_with_a_warning_and_the_others_are_as_ever(
    translator: Translator, caplog: pytest.LogCaptureFixture
):
    (alone,) = translator.translate([SENTENCE], beam=1)
    lines = [SENTENCE, "Hund " * 3000, SENTENCE, "Hund" * 5000, "", SENTENCE]
    with caplog.at_level(logging.WARNING):
        out = list(translator.translate(sentences_of(io.StringIO("\n".join(lines))), beam=1))
    assert [out[0], out[2], out[4], out[5]] == [alone, alone, "", alone]
    assert out[1]
    assert out[3]
    warnings = [record.getMessage() for record in caplog.records]
    assert [line.partition(" is too long")[0] for line in warnings] == ["line 2", "line 4"]


def test_a_line_is_never_held_whole_and_only_a_newline_ends_it():
    class Endless(io.StringIO):
        longest = 0

        def readline(self, n_characters: int = -1) -> str:
            self.longest = max(self.longest, n_characters if n_characters >= 0 else 10**9)
            return super().readline(n_characters)

    stream = Endless("a\rb\r\n" + "x" * (3 * MAX_CHARACTERS) + "\nc", newline="\n")
    first, second, third = sentences_of(stream)
    assert (first, third, len(second)) == ("a\rb\r\n", "c", MAX_CHARACTERS + 1)
    assert stream.longest == MAX_CHARACTERS + 1


def test_batches_are_limited_by_tokens_and_keep_the_order():
    import torch

    lengths = [3] * 70 + [1024, 3, 1024, 0, 1024] * 5 + [3]
    batches = list(_batches(torch.zeros(length) for length in lengths))
    assert [len(sentence) for batch in batches for sentence in batch] == lengths
    assert max(map(len, batches)) == BATCH_SENTENCES
    assert max(len(batch) * max(map(len, batch)) for batch in batches) <= BATCH_TOKENS
