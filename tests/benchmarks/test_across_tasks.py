"""The same layouts across tasks: correlations of what was trained, and going on after a kill."""

from __future__ import annotations

import dataclasses
import json
import random
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kendalltau, spearmanr

from benchmarks import across_tasks
from benchmarks.across_tasks import (
    MODEL_0,
    TASKS,
    WITH,
    WITHOUT,
    Trained,
    gains,
    measure,
    train_all,
)
from benchmarks.command import Options
from benchmarks.training_record import training_key
from spaces.errors import UserError
from spaces.layout import Layout, without_reservoirs
from trainable.config import TrialConfig


@pytest.fixture
def data(short: Path, kinds: Path, english: Path, small_grammar: Path, tmp_path: Path) -> Path:
    """A folder with the prepared folders of all tasks."""
    folder = tmp_path / "data"
    folder.mkdir()
    for place in (short, kinds, english, small_grammar):
        (folder / place.name).symlink_to(place, target_is_directory=True)
    return folder


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, int]]:
    """Trainings that are asked for; each gives a made-up area of its layout and task."""
    asked: list[tuple[str, str, int]] = []

    def made_up(task: str, config: TrialConfig) -> Trained:
        layout = str(config.model.encoder)
        asked.append((task, layout, config.seed))
        rank = (*WITHOUT, *WITH).index(layout)
        noise = random.Random(f"{task}{layout}{config.seed}").random()
        return Trained(
            key=training_key(config),
            task=task,
            layout=layout,
            seed=config.seed,
            aucc=100 + (-rank if task == "masked_lm" else rank) + noise,
            score=1.0,
            seconds=60.0,
        )

    monkeypatch.setattr(across_tasks, "_train", made_up)
    monkeypatch.setattr(across_tasks, "N_PROCESSES", 1)
    return asked


def test_every_layout_stands_beside_its_deletion_and_there_are_enough():
    assert len({*WITHOUT, *WITH}) == len(WITHOUT) + len(WITH) >= 24
    assert {str(Layout.parse(layout)) for layout in WITHOUT + WITH} == {*WITHOUT, *WITH}
    assert {str(without_reservoirs(Layout.parse(layout))) for layout in WITH} <= {*WITHOUT}


def test_tasks_that_rank_layouts_alike_correlate_and_a_reversed_one_does_not(
    data: Path, tmp_path: Path, trainings: list[tuple[str, str, int]]
):
    report = measure(Options(out=tmp_path / "out", data=data))
    rows = {row["tasks"]: row for row in report.tables[0].rows}
    assert len(rows) == 6 + len(TASKS)
    assert str(rows["translation – summarisation"]["Spearman (95 %)"]).startswith("1.00 (1.00")
    assert str(rows["translation – masked_lm"]["Kendall (95 %)"]).startswith("-1.00 (-1.00")
    assert len(trainings) == len(TASKS) * len(WITHOUT + WITH) * 2
    assert report.header["cost"] == f"{len(trainings)} core-minutes"
    assert len(report.tables[2].rows) == len(WITHOUT + WITH)


def test_trainings_that_are_recorded_are_not_made_again(
    data: Path, tmp_path: Path, trainings: list[tuple[str, str, int]]
):
    folders, record = across_tasks._given(data), tmp_path / "across_tasks.jsonl"
    first = train_all(folders, record)
    whole = record.read_text().splitlines(keepends=True)
    record.write_text("".join(whole[:5]) + whole[5][:20])  # as a kill left it
    trainings.clear()
    again = train_all(folders, record)
    assert again == first
    assert len(trainings) == len(whole) - 5
    assert len({json.loads(line)["key"] for line in record.read_text().splitlines()}) == len(whole)


def test_correlations_are_scipys():
    rng = random.Random(3)
    areas = [{layout: rng.random() for layout in WITHOUT + WITH} for _ in range(2)]
    row = across_tasks._row("both", *areas)
    values = [list(one.values()) for one in areas]
    assert str(row["Spearman (95 %)"]).split()[0] == f"{spearmanr(*values).statistic:.2f}"
    assert str(row["Kendall (95 %)"]).split()[0] == f"{kendalltau(*values).statistic:.2f}"


def test_the_bootstrap_of_kendalls_correlation_is_scipys_with_its_ties():
    rng = np.random.default_rng(3)
    one, other = rng.integers(5, size=(2, 4, 12)).astype(float)
    one[3] = 1.0  # a constant row has none
    found = across_tasks._rowwise_tau(one, other)
    assert found[:3] == pytest.approx([kendalltau(one[n], other[n]).statistic for n in range(3)])
    assert np.isnan(found[3])


def test_a_gain_is_the_difference_to_the_deletion_in_percent_of_model_0():
    areas = dict.fromkeys(WITHOUT + WITH, 10.0) | {"RLRL": 12.0, "LL": 11.0, MODEL_0: 20.0}
    found = gains(areas)
    assert found["RLRL"] == pytest.approx(5)  # (12 - 11) / 20
    assert found["RL"] == 0


def test_a_folder_that_lacks_a_task_is_refused(data: Path, english: Path):
    (data / english.name).unlink()
    with pytest.raises(UserError, match="holds no prepared data for masked_lm; prepare"):
        across_tasks._given(data)


@pytest.mark.slow
def test_all_tasks_are_trained_on_data_that_are_given(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(across_tasks, "N_PROCESSES", 1)
    monkeypatch.setattr(across_tasks, "N_UPDATES", 2)
    monkeypatch.setattr(across_tasks, "N_SENTENCES", 4)
    monkeypatch.setattr(across_tasks, "WITHOUT", ("L", MODEL_0))
    monkeypatch.setattr(across_tasks, "WITH", ("RL", "GL"))
    report = measure(Options(out=tmp_path / "out", data=data))
    assert len(report.tables[2].rows) == 4
    lines = (tmp_path / "out" / "across_tasks.jsonl").read_text().splitlines()
    assert len(lines) == 4 * 4 * 2
    assert dataclasses.asdict(Trained(**json.loads(lines[0]))) == json.loads(lines[0])
