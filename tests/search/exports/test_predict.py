"""``predict`` answers raw sentences with a classifier's or a language model's export."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from search.cli import app, exit_code
from search.commands.predict import predict
from search.exports.predict import BATCH_SENTENCES, Predictor
from trainable.data.manifest import Manifest


def answers(export: Path, *sentences: str) -> list[str]:
    return list(Predictor(export).answers(sentences))


def test_each_line_gets_a_label_and_an_empty_one_stays_empty(kinds_export: Path):
    lines = ["The dog sleeps.\n", "\n", *[f"We see {n} dogs.\n" for n in range(BATCH_SENTENCES)]]
    found = answers(kinds_export, *lines)
    assert len(found) == len(lines)
    assert found[1] == ""
    labels = Manifest.load(kinds_export).labels
    assert labels is not None
    assert all(line.split("\t")[0] in labels for line in found if line)
    assert found[0] == answers(kinds_export, lines[0])[0]


def test_masks_are_filled(language_export: Path):
    (filled,) = answers(language_export, "The <mask> does <mask> sleep.")
    assert filled.startswith("the")
    assert "<" not in filled


def test_a_line_of_any_length_is_answered(kinds_export: Path, caplog: pytest.LogCaptureFixture):
    assert len(answers(kinds_export, "dog " * 1_100)) == 1
    assert "a line is too long: only its first 1022 tokens are read" in caplog.text
    assert len(answers(kinds_export, "x" * 100_000)) == 1


def test_the_command_reads_stdin_and_writes_stdout(
    kinds_export: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"Does she sleep?\n\nYes.\n")))
    predict(kinds_export)
    assert [bool(line) for line in capsys.readouterr().out.split("\n")] == [
        True,
        False,
        True,
        False,
    ]


def test_the_help_names_the_answers_of_every_task_that_it_serves(
    capsys: pytest.CaptureFixture[str],
):
    assert exit_code(lambda: app(["predict", "--help"], standalone_mode=False)) == 0
    text = capsys.readouterr().out
    assert all(answer in text for answer in ("label", "mask", "summary"))
