"""Summarisation from a study file to summaries of raw documents, by the command line."""

from __future__ import annotations

import io
import json
import shutil
import sys
from pathlib import Path

import pytest

from search.cli import app, exit_code
from tests.search.command_line import reservoir_search, study_toml
from trainable.tasks.registry import load_task

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def place(short: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study of three trials, and its data."""
    found = tmp_path_factory.mktemp("summaries")
    shutil.copytree(short, found / "data")
    text = study_toml(
        Path("data"),
        model='d_model = 16\nffn = 32\nheads = 2\ntied = "all"',
        search="n_trials = 3\nn_startup = 3",
    )
    (found / "mine.toml").write_text(text)
    done = reservoir_search("run", "mine.toml", cwd=found)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "ROUGE-L" in done.stdout
    assert "BLEU" not in done.stdout
    return found


def command(*arguments: str) -> int:
    return exit_code(lambda: app(list(arguments), standalone_mode=False))


@pytest.fixture(autouse=True)
def in_place(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)


def test_the_study_is_shown_reported_and_found_whole(capsys: pytest.CaptureFixture[str]):
    assert command("show", "mine", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert {trial["metric"] for trial in shown["trials"]} == {"ROUGE-L"}
    assert shown["signature"].startswith("rougeL|F1|stemmer:Porter|")
    assert command("report", "mine") == 0
    assert "ROUGE-L" in Path("studies/mine/report.html").read_text()
    assert command("doctor", "mine") == 0


def test_an_export_has_all_three_rouges_and_answers_a_document(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    assert command("export", "mine") == 0
    export = place / "studies" / "mine" / "export"
    scores = json.loads((export / "scores.json").read_text())
    assert (scores["metric"], *scores["further"]) == ("ROUGE-L", "ROUGE-1", "ROUGE-2")
    assert "ROUGE-L, test" in (export / "README.md").read_text()
    assert "--task translation --criterion label_smoothed" in " ".join(
        (export / "fairseq-train.sh").read_text().replace("\\\n", " ").split()
    )
    documents = load_task(str(place / "data")).corpus.raw("test", "en_document")  # type: ignore[attr-defined]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"{documents[0]}\n\n".encode())))
    capsys.readouterr()
    assert command("predict", str(export)) == 0
    summary, empty, end = capsys.readouterr().out.split("\n")
    assert summary
    assert (empty, end) == ("", "")
