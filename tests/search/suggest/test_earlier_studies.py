from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from search.study.config import StudyConfig
from search.study.folder import StudyFolder
from search.suggest.earlier_studies import earlier_trials
from spaces.chooser import FixedChooser
from spaces.errors import UserError
from tests.search.replay.tables import candidates_of
from trainable.config import TrialConfig

Study = Callable[..., StudyConfig]
RecordedStudy = Callable[..., StudyFolder]


@pytest.fixture
def data(tiny_trial: TrialConfig) -> Path:
    return Path(tiny_trial.data)


def test_each_completed_trial_is_taken_once_with_its_point(
    recorded_study: RecordedStudy, tiny_study: Study, data: Path
):
    folders = [recorded_study("one", {0: "stopped", 1: "running"}, seed=1), recorded_study("two")]
    # One of them is named in two ways.
    names = [*(str(folder.path) for folder in folders), f"{folders[0].path}/."]
    config = tiny_study(search={"warm_start": names})
    trials = earlier_trials(config, data)
    keys = [candidate.key for candidate in candidates_of(config)]
    assert [trial.record.key for trial in trials] == keys[2:] + keys
    assert len({trial.name for trial in trials}) == len(trials)
    for trial in trials:
        assert config.space.choose(FixedChooser(trial.point)).key == trial.record.key


def test_what_the_space_lacks_is_left_out_and_counted_in_the_log(
    recorded_study: RecordedStudy, tiny_study: Study, data: Path, caplog: pytest.LogCaptureFixture
):
    folder = recorded_study("one")
    config = tiny_study(space={"depth": 2}, search=warm(folder))
    with caplog.at_level(logging.INFO):
        trials = earlier_trials(config, data)
    n_all, n_taken = len(candidates_of(tiny_study())), len(candidates_of(config))
    assert len(trials) == n_taken < n_all
    assert f"warm_start={folder.path} taken={n_taken} left_out={n_all - n_taken}" in caplog.text


def test_a_setting_that_one_study_searched_must_be_the_one_that_the_other_has(
    recorded_study: RecordedStudy, tiny_study: Study, data: Path
):
    searched = {"hyper": {"train.lr": [1e-3, 5e-3], "train.clip_norm": ["none", 1.0]}}
    wide, narrow = recorded_study("wide", space=searched), recorded_study("narrow")
    one = tiny_study(search={"warm_start": [str(wide.path)]})  # lr 5e-3, clip_norm 1.0
    keys = {candidate.key for candidate in candidates_of(one)}
    chosen = [one.space.choose(FixedChooser(t.point)).key for t in earlier_trials(one, data)]
    assert sorted(chosen) == sorted(keys)
    many = tiny_study(space=searched, search={"warm_start": [str(narrow.path)]})
    assert {
        (trial.point["train.lr"], trial.point["train.clip_norm"])
        for trial in earlier_trials(many, data)
    } == {(5e-3, 1.0)}
    same = tiny_study(space=searched, search={"warm_start": [str(wide.path)]})
    assert len(earlier_trials(same, data)) == 4 * len(keys)


@pytest.mark.parametrize(
    ("tables", "told"),
    [
        ({"validation": {"beam": 2}}, r"\[validation\]"),
        ({"train": {"lr": 1e-3}, "model": {"ffn": 64}}, r"\[model\], \[train\]"),
    ],
)
def test_a_study_with_other_settings_is_refused_in_one_line(
    recorded_study: RecordedStudy,
    tiny_study: Study,
    data: Path,
    tables: dict[str, dict[str, object]],
    told: str,
):
    folder = recorded_study("one", **tables)
    config = tiny_study(search=warm(folder))
    with pytest.raises(UserError, match=rf"^search.warm_start '.*one': {told} differ .*out$"):
        earlier_trials(config, data)


def test_trials_of_another_objective_are_valued_by_this_one(
    recorded_study: RecordedStudy, tiny_study: Study, data: Path
):
    folder = recorded_study("one", objective={"name": "loss"})
    config = tiny_study(search=warm(folder), objective={"name": "score"})
    (first, *_) = trials = earlier_trials(config, data)
    assert len(trials) == len(candidates_of(config))
    assert first.record.objective == 7.0  # the best score of the fixture's curve
    assert first.record.config.objective == config.objective


def test_longer_trials_are_cut_at_this_studys_budget_and_stopped_ones_are_whole_there(
    recorded_study: RecordedStudy, tiny_study: Study, data: Path
):
    folder = recorded_study("one", {0: "stopped"}, budget={"updates": 100})
    config = tiny_study(
        search=warm(folder),
        budget={"updates": 10},
        objective={"name": "aucc"},
    )
    trials = earlier_trials(config, data)
    assert len(trials) == len(candidates_of(config))
    for trial in trials:
        last = trial.record.curve[-1]
        assert (last.updates, last.score) == (10, 6.5)  # halfway from (8, 6) to (12, 7)
        assert trial.record.objective == 4 * 1 + 4 * 4 + 2 * 6.25
        assert trial.record.state == "completed"


def test_trials_that_ended_before_this_studys_budget_are_left_out_or_the_study_refused(
    recorded_study: RecordedStudy, tiny_study: Study, data: Path
):
    # The fixture's curves end at 12 updates.
    folder = recorded_study("one", budget={"updates": 100})
    budget = {"updates": 40}
    assert earlier_trials(tiny_study(search=warm(folder), budget=budget), data) == []
    budget = {"updates": 200}
    with pytest.raises(UserError, match=r"^search.warm_start '.*one': its trials end before"):
        earlier_trials(tiny_study(search=warm(folder), budget=budget), data)


def warm(folder: StudyFolder) -> dict[str, object]:
    return {"warm_start": [str(folder.path)]}


def test_a_study_on_other_data_is_refused(
    recorded_study: RecordedStudy, tiny_study: Study, data: Path, tmp_path: Path
):
    folder = recorded_study("one")
    manifest = json.loads((data / "manifest.json").read_text())
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "manifest.json").write_text(json.dumps({**manifest, "seed": 99}))
    config = tiny_study(search=warm(folder))
    with pytest.raises(UserError, match=r"one': the prepared data differ"):
        earlier_trials(config, elsewhere)


def test_a_study_that_is_not_there_is_refused_by_name(tiny_study: Study, data: Path):
    with pytest.raises(UserError, match="study 'absent': neither"):
        earlier_trials(tiny_study(search={"warm_start": ["absent"]}), data)
