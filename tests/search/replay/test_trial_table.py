from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.record_table import record
from search.replay.recorded_studies import open_table, table_of_studies
from search.replay.table_file import read_table, write_table
from search.study.config import StudyConfig
from search.study.folder import StudyFolder
from spaces.errors import UserError
from tests.search.replay.tables import UPDATES, candidates_of, made_table
from trainable.config import TrialConfig

Study = Callable[..., StudyConfig]


@pytest.mark.parametrize("name", ["table.jsonl", "table.jsonl.gz"])
def test_a_table_comes_back_from_its_file_as_it_was(tiny_study: Study, tmp_path: Path, name: str):
    table = made_table(tiny_study(), seeds=(1, 2))
    write_table(table, tmp_path / name)
    read = read_table(tmp_path / name)
    again = tmp_path / f"again-{name}"
    write_table(read, again)
    assert again.read_bytes() == (tmp_path / name).read_bytes()
    assert (read.study, read.corpus, read.made) == (table.study, table.corpus, table.made)
    for trial, original in zip(read.trials, table.trials, strict=True):
        assert trial.candidate.key == original.candidate.key
        assert (trial.seed, trial.counts) == (original.seed, original.counts)
        for point, first in zip(trial.curve, original.curve, strict=True):
            assert (point.updates, point.tokens) == (first.updates, first.tokens)
            assert point.to_dict() == pytest.approx(first.to_dict(), rel=1e-5)


def test_a_table_does_not_tell_how_its_study_was_searched(tiny_study: Study, tmp_path: Path):
    config = tiny_study(search={"algorithm": "grid", "n_trials": 99})
    write_table(made_table(config), tmp_path / "table.jsonl")
    assert (
        read_table(tmp_path / "table.jsonl").study.search
        == StudyConfig.model_fields["search"].get_default()
    )


def test_a_seed_always_draws_the_same_trial_and_seeds_draw_all(tiny_study: Study):
    config = tiny_study()
    table = made_table(config, seeds=(1, 2, 3))
    key = candidates_of(config)[0].key
    picked = [table.pick(key, seed=seed).seed for seed in range(40)]
    assert picked == [table.pick(key, seed=seed).seed for seed in range(40)]
    assert set(picked) == {1, 2, 3}


@pytest.fixture
def table_lines(tiny_study: Study, tmp_path: Path) -> list[str]:
    write_table(made_table(tiny_study()), tmp_path / "whole.jsonl")
    return (tmp_path / "whole.jsonl").read_text().splitlines()


def fault_of(path: Path, text: str) -> str:
    path.write_text(text)
    with pytest.raises(UserError) as error:
        read_table(path)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_wrong_file_is_told_in_one_line_with_its_place(table_lines: list[str], tmp_path: Path):
    path = tmp_path / "table.jsonl"
    first, second, third, *_ = table_lines
    assert fault_of(path, "").startswith(f"{path}: line 1: is not JSON")
    assert fault_of(path, '{"id": 0}').startswith(
        f"{path}: line 1: table: is missing; give one of 1"
    )
    assert fault_of(path, first.replace('"table":1', '"table":2')).startswith(
        f"{path}: line 1: table 2: must be 1"
    )
    assert fault_of(path, first) == f"{path}: the table holds no trial; record it again"
    assert f"{path}: line 3: is not JSON" in fault_of(path, "\n".join([first, second, third[:40]]))
    with pytest.raises(UserError, match=r"absent\.jsonl: cannot be read \(No such file"):
        read_table(tmp_path / "absent.jsonl")


def test_a_curve_must_be_whole_and_its_clocks_must_run_forward(
    table_lines: list[str], tmp_path: Path
):
    path = tmp_path / "table.jsonl"
    first, second, *_ = table_lines
    line = json.loads(second)
    short = {**line, "curve": {**line["curve"], "score": [1.0]}}
    assert "all seven readings" in fault_of(path, "\n".join([first, json.dumps(short)]))
    back = {**line, "curve": {**line["curve"], "seconds": [4.0, 3.0, 5.0]}}
    assert "clocks of a curve increase" in fault_of(path, "\n".join([first, json.dumps(back)]))


def test_a_table_of_an_earlier_version_is_of_bleu(table_lines: list[str], tmp_path: Path):
    first, *rest = table_lines
    header = {name: value for name, value in json.loads(first).items() if name != "metric"}
    old = [json.dumps(header), *(line.replace('"score":', '"bleu":') for line in rest)]
    (tmp_path / "old.jsonl").write_text("\n".join(old))
    assert read_table(tmp_path / "old.jsonl") == read_table(tmp_path / "whole.jsonl")


def test_bytes_that_are_no_text_are_told_as_such(tmp_path: Path):
    path = tmp_path / "table.jsonl.gz"
    path.write_bytes(b"no gzip")
    with pytest.raises(UserError, match="line 1: is not JSON"):
        read_table(path)


def test_the_table_of_a_study_holds_its_completed_trials(
    recorded_study: Callable[..., StudyFolder], tiny_study: Study
):
    folder = recorded_study("one", {0: "stopped", 1: "running", 2: "failed"})
    table = open_table(str(folder.path))
    expected = [candidate.key for candidate in candidates_of(tiny_study())[3:]]
    assert [trial.candidate.key for trial in table.trials] == expected
    assert all(tuple(p.updates for p in trial.curve) == UPDATES for trial in table.trials)


def test_studies_that_differ_in_seed_and_name_become_replicates(
    recorded_study: Callable[..., StudyFolder], tiny_study: Study
):
    folders = [recorded_study("one", seed=1), recorded_study("two", seed=2)]
    table = table_of_studies(folders, note="two seeds")
    assert table.made["note"] == "two seeds"
    for candidate in candidates_of(tiny_study()):
        assert [trial.seed for trial in table.by_key[candidate.key]] == [1, 2]


def test_studies_whose_curves_do_not_compare_are_refused(
    recorded_study: Callable[..., StudyFolder],
):
    first = recorded_study("one")
    other = recorded_study("two", budget={"updates": 20}, train={"lr": 1e-3})
    with pytest.raises(UserError, match=r"two: \[train\], \[budget\] differ from those of .*one"):
        table_of_studies([first, other])


def test_a_study_on_other_data_is_refused(
    recorded_study: Callable[..., StudyFolder], tiny_trial: TrialConfig, tmp_path: Path
):
    first, other = recorded_study("one"), recorded_study("two")
    manifest = json.loads((Path(tiny_trial.data) / "manifest.json").read_text())
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "manifest.json").write_text(json.dumps({**manifest, "seed": 99}))
    other.resolve(other.config(), elsewhere)
    with pytest.raises(UserError, match=r"two: its data are not those of"):
        table_of_studies([first, other])


def test_a_study_without_a_completed_trial_is_no_table(
    recorded_study: Callable[..., StudyFolder], tiny_study: Study
):
    none = dict.fromkeys(range(len(candidates_of(tiny_study()))), "running")
    with pytest.raises(UserError, match="no completed trial to replay"):
        table_of_studies([recorded_study("one", none)])


def test_a_candidates_trials_are_in_order_of_seed(tiny_study: Study):
    table = made_table(tiny_study(), seeds=(3, 1, 2))
    shuffled = dataclasses.replace(table, trials=tuple(reversed(table.trials)))
    for trials in shuffled.by_key.values():
        assert [trial.seed for trial in trials] == [1, 2, 3]


def test_recorded_studies_are_written_once_and_never_over_another_table(
    recorded_study: Callable[..., StudyFolder], tmp_path: Path
):
    folder, out = recorded_study("one"), tmp_path / "tables" / "one.jsonl.gz"
    record([str(folder.path)], out, note="for a test")
    written = out.read_bytes()
    assert read_table(out).made["note"] == "for a test"
    with pytest.raises(UserError, match=r"one\.jsonl\.gz exists; give a new file to --out"):
        record([str(folder.path)], out, note="another")
    assert out.read_bytes() == written
