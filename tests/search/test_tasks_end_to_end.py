"""Tasks beside translation from a study file to answers, by the command line."""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from search.cli import app, exit_code
from search.study.ledger import read_records
from tests.search.command_line import reservoir_search, study_toml
from trainable.data.manifest import Manifest
from trainable.tasks.registry import load_task

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SIZES = "d_model = 16\nffn = 32\nheads = 2\n"


@dataclass(frozen=True, kw_only=True)
class Case:
    """A task of a prepared folder, and what is particular to it."""

    data: str  # fixture of the folder
    metric: str
    signature: str  # its beginning
    further: tuple[str, ...] = ()  # metrics of an export
    fairseq: str  # task and criterion of its command
    question: Callable[[Path], str]  # a raw line for ``predict``, from the prepared folder
    is_answer: Callable[[str, Path], bool]
    decoder: str = ""  # lines of [space]
    model: str = SIZES
    updates: int = 12  # a quarter of them to each validation
    lr: float = 5e-3


def is_label(answer: str, data: Path) -> bool:
    label, probability = answer.split("\t")
    labels = Manifest.load(data).labels
    return label in (labels or ()) and 0 < float(probability) <= 1


def first_document(data: Path) -> str:
    raw: list[str] = load_task(str(data)).corpus.raw("test", "en_document")  # type: ignore[attr-defined]
    return raw[0]


CASES = {
    "summarisation": Case(
        data="short",
        metric="ROUGE-L",
        signature="rougeL|F1|stemmer:Porter|",
        further=("ROUGE-1", "ROUGE-2"),
        fairseq="--task translation --criterion label_smoothed_cross_entropy",
        question=first_document,
        is_answer=lambda answer, _: bool(answer),
        decoder="decoder_depth = 1",
        model=f'{SIZES}tied = "all"',
        updates=160,  # before that no word of the summaries is right, and areas are 0
        lr=1e-2,
    ),
    "classification": Case(
        data="kinds",
        metric="accuracy",
        signature="accuracy",
        further=("macro-F1",),
        fairseq="--task sentence_prediction --criterion sentence_prediction",
        question=lambda _: "Did the dog sleep?",
        is_answer=is_label,
    ),
    "masked_lm": Case(
        data="english",
        metric="bits saved",
        signature="bits",
        fairseq="--task reservoir_masked_lm --criterion masked_lm",
        question=lambda _: "The <mask> sleeps.",
        is_answer=lambda answer, _: answer.startswith("the ") and "<" not in answer,
    ),
}


@dataclass(frozen=True, kw_only=True)
class Place:
    """A folder with a study of all layouts of its space, and its data."""

    case: Case
    folder: Path
    told: str  # by ``run``


@pytest.fixture(scope="module", params=CASES)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Place:
    case = CASES[request.param]
    found = tmp_path_factory.mktemp(request.param)
    shutil.copytree(request.getfixturevalue(case.data), found / "data")
    text = study_toml(
        Path("data"),
        space=f'encoder = ["LL", "R1R1L"]\n{case.decoder}',
        model=case.model,
        train=f"lr = {case.lr}\nwarmup_updates = 4\nbatch_tokens = 256",
        validation=f"interval_updates = {case.updates // 4}\nn_sentences = 10",
        budget=f"updates = {case.updates}",
        search='algorithm = "grid"\nn_trials = 2',
        scheduler='name = "none"',
    )
    (found / "mine.toml").write_text(text)
    done = reservoir_search("run", "mine.toml", cwd=found)
    assert done.returncode == 0, done.stderr[-3000:]
    return Place(case=case, folder=found, told=done.stdout)


@pytest.fixture(autouse=True)
def in_place(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place.folder)


def command(*arguments: str) -> int:
    return exit_code(lambda: app(list(arguments), standalone_mode=False))


def test_the_study_is_shown_reported_and_found_whole(
    place: Place, capsys: pytest.CaptureFixture[str]
):
    case = place.case
    assert case.metric in place.told
    assert "BLEU" not in place.told
    assert command("show", "mine", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert {trial["metric"] for trial in shown["trials"]} == {case.metric}
    assert {trial["state"] for trial in shown["trials"]} == {"completed"}
    assert shown["signature"].startswith(case.signature)
    assert command("report", "mine") == 0
    report = Path("studies/mine/report.html").read_text()
    assert case.metric in report
    assert "BLEU" not in report
    assert command("doctor", "mine") == 0


def test_the_best_is_confirmed_by_further_seeds(place: Place):
    done = reservoir_search("confirm", "mine", "--top", "1", "--seeds", "2", cwd=place.folder)
    assert done.returncode == 0, done.stderr[-3000:]
    records = list(read_records(Path("studies/mine/confirm/trials.jsonl")).values())
    assert {record.state for record in records} == {"completed"}
    assert {record.config.seed for record in records} == {2, 3}
    assert {record.metric for record in records} == {place.case.metric}
    assert "BLEU" not in done.stdout
    assert command("doctor", "mine") == 0
    assert command("report", "mine") == 0


def test_the_study_is_replayed_to_its_best(place: Place):
    done = reservoir_search("replay", "mine", "--json", cwd=place.folder)
    assert done.returncode == 0, done.stderr[-3000:]
    replayed = json.loads(done.stdout)
    records = list(read_records(Path("studies/mine/trials.jsonl")).values())
    assert replayed["best_possible"] == max(record.gain for record in records)
    assert [row["regret"] for row in replayed["replays"]] == [0.0]


def test_an_export_has_all_scores_and_answers_a_line(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    case, data = place.case, place.folder / "data"
    assert command("export", "mine") == 0
    export = place.folder / "studies" / "mine" / "export"
    scores = json.loads((export / "scores.json").read_text())
    assert (scores["metric"], *scores["further"]) == (case.metric, *case.further)
    assert f"{case.metric}, test" in (export / "README.md").read_text()
    script = " ".join((export / "fairseq-train.sh").read_text().replace("\\\n", " ").split())
    assert case.fairseq in script
    stdin = io.BytesIO(f"{case.question(data)}\n\n".encode())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(stdin))
    capsys.readouterr()
    assert command("predict", str(export)) == 0
    answer, empty, end = capsys.readouterr().out.split("\n")
    assert case.is_answer(answer, data)
    assert (empty, end) == ("", "")
