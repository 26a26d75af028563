"""``rank``: the trials of a study by another objective, from their curves."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence

import pytest
from typer.testing import CliRunner

from search.cli import app
from search.report.rank_table import print_ranking, rank_study
from search.study.folder import StudyFolder
from search.study.ledger import Ledger
from spaces.errors import UserError
from tests.search.conftest import curve_point

# Score and loss of the three validations of each trial.
CURVES = {
    0: [(2, 8.0), (6, 7.0), (7, 6.5)],
    1: [(9, 8.5), (4, 6.0), (5, 5.0)],
    2: [(1, 9.0), (3, 8.0), (8, 7.5)],
    3: [(9, 1.0), (9, 1.0), (9, 1.0)],  # but it was stopped
}


@pytest.fixture
def folder(recorded_study: Callable[..., StudyFolder]) -> StudyFolder:
    made = recorded_study("one", {3: "stopped"})
    ledger = Ledger.open(made.trials)
    for record in ledger.records:
        points = CURVES.get(record.id)
        if points is None:
            ledger.put(dataclasses.replace(record, state="failed", curve=(), aucc=None))
            continue
        curve = tuple(
            dataclasses.replace(curve_point(4 * n, score), loss=loss)
            for n, (score, loss) in enumerate(points, start=1)
        )
        ledger.put(dataclasses.replace(record, curve=curve, aucc=1.0, objective=0.5))
    return made


def order(folder: StudyFolder, *names: str, settings: Sequence[str] = ()) -> list[int]:
    return [record.id for record in rank_study(folder, names, settings).trials]


@pytest.mark.parametrize(
    ("name", "settings", "expected"),
    [
        ("score", [], [1, 2, 0]),  # 9, 8, 7
        ("last_score", [], [2, 0, 1]),  # 8, 7, 5
        ("loss", [], [1, 0, 2]),  # falls: 5, 6.5, 7.5
        ("-loss", [], [1, 0, 2]),
        ("score_at", ["at=6"], [1, 0, 2]),  # halfway between 4 and 8 updates: 6.5, 4, 2
        ("aucc", [], [1, 0, 2]),  # 4 x (4.5 + 6.5 + 4.5), 4 x (1 + 4 + 6.5), 4 x (0.5 + 2 + 5.5)
        ("score - 2 * last_loss", [], [1, 0, 2]),  # -1, -6, -7
    ],
)
def test_the_order_is_that_of_the_curves(
    folder: StudyFolder, name: str, settings: list[str], expected: list[int]
):
    assert order(folder, name, settings=settings) == expected


def test_two_objectives_are_ranked_by_the_first_and_have_a_front(folder: StudyFolder):
    ranking = rank_study(folder, ["last_score", "loss"], [])
    assert [record.id for record in ranking.trials] == [2, 0, 1]
    # Nobody beats another in both: 8 at 7.5, 7 at 6.5, 5 at 5; the lowest loss is first.
    assert ranking.front == (1, 0, 2)
    assert ranking.hypervolume is not None


def test_without_an_objective_it_is_the_study_s(folder: StudyFolder):
    ranking = rank_study(folder, [], [])
    assert ranking.objective == folder.config().objective


@pytest.mark.parametrize(
    ("names", "settings", "said"),
    [
        (["scor"], [], "did you mean 'score'"),
        (["score_at"], [], "at is missing"),
        (["score_at"], ["at=13"], "at most budget.updates 12"),
        (["score"], ["clock=seconds"], "budget.seconds must be given"),
        (["1 / (score - 7)"], [], "trial 0: '1 / (score - 7)'"),
        (["a.b"], [], "Attribute is not allowed"),
        (["score", "loss", "flops", "seconds"], [], "two or three"),
        (["score", "score"], [], "names an objective twice"),
    ],
)
def test_what_cannot_be_ranked_is_refused_in_a_line(
    folder: StudyFolder, names: list[str], settings: list[str], said: str
):
    with pytest.raises(UserError) as refused:
        rank_study(folder, names, settings)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_table_fits_80_columns(folder: StudyFolder, capsys: pytest.CaptureFixture[str]):
    print_ranking(rank_study(folder, ["score", "mparams_total", "loss"], []))
    lines = capsys.readouterr().out.splitlines()
    assert any("mparams_total" in line for line in lines)
    table = [line for line in lines if not line.startswith(("study", "hypervolume"))]
    assert max(map(len, table)) <= 80


def test_the_json_has_places_and_values(folder: StudyFolder):
    done = CliRunner().invoke(
        app, ["rank", str(folder.path), "--objective", "loss", "--objective", "score", "--json"]
    )
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert said["goals"] == [
        {"of": "loss", "direction": "min"},
        {"of": "score", "direction": "max"},
    ]
    best = said["trials"][0]
    assert (best["id"], best["place"], best["objectives"]) == (1, 1, [5.0, 9.0])
    assert said["front"] == [1]
    assert said["n_left_out"] == len(Ledger.open(folder.trials)) - 3


def test_the_areas_stand_over_that_of_model_0_of_the_same_depth(
    recorded_study: Callable[..., StudyFolder], capsys: pytest.CaptureFixture[str]
):
    folder = recorded_study("two", search={"references": True})
    ledger = Ledger.open(folder.trials)
    for record in ledger.records:
        score = (4.0 if record.canonical in ("LL", "LLL") else 5.0) * record.encoder.depth
        ledger.put(dataclasses.replace(record, curve=(curve_point(12, score),)))
    ranking = rank_study(folder, ["aucc"], [])
    ratios = {record.canonical: ranking.model0s.aucc_ratio(record) for record in ranking.trials}
    assert ratios.pop("LL") == ratios.pop("LLL") == 1.0
    assert set(ratios.values()) == {1.25}
    print_ranking(ranking)
    lines = capsys.readouterr().out.splitlines()
    assert "÷ Model 0" in lines[2]
    assert sum("1.250" in line for line in lines) == len(ratios)
    assert max(map(len, lines)) <= 80


def test_what_is_not_of_the_space_is_counted_apart(
    folder: StudyFolder, capsys: pytest.CaptureFixture[str]
):
    ledger = Ledger.open(folder.trials)
    (reference,) = [record for record in ledger.records if record.id == 2]
    ledger.put(dataclasses.replace(reference, optuna_number=None))
    ranking = rank_study(folder, ["score"], [])
    n_trials = len(ledger.records)
    assert (ranking.n_beside, ranking.n_left_out) == (1, n_trials - 3)
    print_ranking(ranking)
    assert capsys.readouterr().out.splitlines()[-1] == (
        f"trials without a place: {n_trials - 3} not completed or beyond a bound, "
        "1 not of the space, to compare with"
    )
