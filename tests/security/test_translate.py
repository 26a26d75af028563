"""``translate`` of lines that are no sentences: each line has its translation, in little memory."""

from __future__ import annotations

import io
import logging
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from search.cli import app, exit_code
from search.exports.translate import (
    BATCH_SENTENCES,
    BATCH_TOKENS,
    MAX_CHARACTERS,
    Translator,
    _batches,
    sentences_of,
    with_progress,
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


Filter = Callable[..., tuple[str, str]]


@pytest.fixture
def through(
    whole_export: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Filter:
    """Put bytes through the command ``translate`` with options; what it writes, or refuses."""

    def translate(content: bytes, *options: str, code: int = 0) -> tuple[str, str]:
        monkeypatch.setattr(
            sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content), isatty=lambda: False)
        )
        arguments = ["translate", str(whole_export), *options]
        assert exit_code(lambda: app(arguments, standalone_mode=False)) == code
        written = capsys.readouterr()
        return written.out, written.err

    return translate


def test_each_line_has_its_line_whatever_it_holds(through: Filter):
    plain, _ = through(f"{SENTENCE}\n".encode(), "--beam", "1")
    nothing = "\u200b\n\x01\n\xad\n \r\n\n\ufeff\n"  # no words
    mark = f"\ufeff{SENTENCE}\r\nDer Hund \ufeffschläft.\n"
    inside = "Der Hund schläft.\rDie Katze nicht.\nDas\u2028Haus\x85.\x0c\n"
    out, told = through((nothing + mark + inside + SENTENCE).encode(), "--beam", "1")
    lines = out.split("\n")
    assert lines[:6] == [""] * 6
    assert [f"{lines[n]}\n" for n in (6, 7, 10)] == [plain] * 3
    assert lines[8]
    assert lines[11:] == [""]  # the end of the last line
    assert told == ""


@pytest.mark.parametrize(
    ("content", "advice"),
    [
        # A byte that LATIN1 has too stands first.
        ("Die schöne Frau\nsagte „gut“.\n".encode("cp1252"), "line 1 holds byte 0xf6, .*CP1252"),
        (b"Ja.\n\nDie sch\xf6ne Frau\n", "line 3 holds byte 0xf6, .*iconv -f LATIN1 -t UTF-8"),
        ("schön\n".encode("utf-16"), "line 1 holds byte 0xff, .*iconv -f UTF-16 -t UTF-8"),
    ],
)
def test_other_encodings_are_refused_with_their_line_and_likely_name(
    through: Filter, content: bytes, advice: str
):
    out, told = through(content, code=2)
    assert out == ""
    assert told.count("\n") == 1
    assert re.search(advice, told)


def test_scores_and_n_best_translations_are_columns(through: Filter):
    content = f"{SENTENCE}\n\nDas Haus.\n".encode()
    best = through(content, "--beam", "3")[0].splitlines()
    scored = [
        line.split("\t") for line in through(content, "--beam", "3", "--scores")[0].splitlines()
    ]
    assert [text for _, text in scored] == best
    assert scored[1] == ["0.0000", ""]
    out, _ = through(content, "--beam", "3", "--nbest", "2", "--scores")
    rows = [line.split("\t") for line in out.splitlines()]
    assert [row[0] for row in rows] == ["1", "1", "2", "3", "3"]
    assert [rows[n][1:] for n in (0, 2, 3)] == scored
    assert all(float(rows[n][1]) >= float(rows[n + 1][1]) for n in (0, 3))
    assert [line.split("\t")[0] for line in through(content, "--nbest", "1")[0].splitlines()] == [
        *("1", "2", "3")
    ]
    assert "--nbest 6: is more than the beam finds" in through(content, "--nbest", "6", code=2)[1]


def test_a_long_text_tells_its_progress_every_ten_seconds():
    times = iter([0.0, *(4.0 * n for n in range(1, 8))])
    told: list[str] = []
    assert list(with_progress("abcdefg", told.append, clock=lambda: next(times))) == [*"abcdefg"]
    assert told == ["3 lines done in 12 s", "6 lines done in 24 s"]
