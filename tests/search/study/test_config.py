from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from search.study.config import StudyConfig, load_study
from spaces.candidate import Candidate
from spaces.errors import UserError
from spaces.layout import Layout

ROOT = Path(__file__).resolve().parents[3]
MINIMAL = 'data = "d"\n[space]\ndepth = 4\n[budget]\nupdates = 10\n'


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("path", sorted(ROOT.glob("studies/*.toml")), ids=lambda path: path.name)
def test_every_study_file_of_the_project_is_valid(path: Path):
    assert load_study(path).name == path.stem


def test_a_study_is_called_after_its_file(tmp_path: Path):
    assert load_study(write(tmp_path, MINIMAL)).name == "mine"


@pytest.mark.parametrize(
    ("extra", "scheduler"),
    [
        ("", "asha"),
        ('[objective]\nname = "aucc"\n', "asha"),
        ('[objective]\nname = "score"\n', "none"),
        ('[objective]\nname = "pareto"\n', "none"),
        ('[objective]\nname = "pareto"\n[scheduler]\n', "none"),
        ('[objective]\nname = "loss"\n[scheduler]\nname = "median"\n', "median"),
        ('[objective]\nname = "score - loss"\n[scheduler]\ngrace = 5\n', "none"),
    ],
)
def test_trials_are_stopped_by_default_for_an_area_alone(
    tmp_path: Path, extra: str, scheduler: str
):
    assert load_study(write(tmp_path, MINIMAL + extra)).scheduler.name == scheduler


def test_all_faults_are_reported_at_once_each_with_its_place(tmp_path: Path):
    text = MINIMAL + '[train]\nlr = -1.0\nlearning_rate = 3\n[model]\nheads = "four"\n'
    with pytest.raises(UserError) as refused:
        load_study(write(tmp_path, text))
    lines = str(refused.value).split("\n")
    assert len(lines) == 3
    for key in ("train.lr -1.0", "train.learning_rate 3", "model.heads 'four'"):
        assert any(f"mine.toml: {key}" in line for line in lines)


@pytest.mark.parametrize(
    ("extra", "rule"),
    [
        ('[objective]\nclock = "seconds"\n', "budget.seconds must be given"),
        (
            '[objective]\nname = "pareto"\n[scheduler]\nname = "asha"\n',
            'set scheduler.name = "none"',
        ),
        ('[search]\nalgorithm = "hyperband"\n', "must be one of surrogate, tpe, random, gp, nsga2"),
        ('[search]\nalgorithm = "my module:Mine"\n', "or module:Class"),
        (
            '[scheduler]\nname = "hyperband"\n',
            "must be one of asha, median, extrapolation, none, or mod",
        ),
        ("[scheduler]\ngrace = 10\n", "scheduler.grace 10.0 must be below budget.updates 10"),
        ('[scheduler]\nclock = "tokens"\n', "budget.tokens must be given"),
        ('[space.hyper]\n"train.speed" = [1, 2]\n', "'train.speed' is no setting of a trial"),
        ('[model]\ndecoder = "L"\n', "give space.decoder_depth"),
        ('[model]\nencoder = "LXL"\n', "model.encoder 'LXL': layout 'LXL': unknown layer kind 'X'"),
        ('[search]\nfirst = ["LXLL"]\n', "search.first: layout 'LXLL': unknown layer kind 'X'"),
        ('[search]\nalgorithm = "cmaes"\n', "needs at least two ranges"),
        ("[model]\nd_model = 100\nheads = 8\n", "must be a multiple of 2 x heads"),
    ],
)
def test_parts_that_do_not_fit_each_other_are_refused(tmp_path: Path, extra: str, rule: str):
    with pytest.raises(UserError, match=re.escape(rule)):
        load_study(write(tmp_path, MINIMAL + extra))


def test_a_grid_over_a_range_is_refused(tmp_path: Path):
    text = MINIMAL + (
        '[search]\nalgorithm = "grid"\n'
        '[space.hyper]\n"train.lr" = { low = 1e-4, high = 1e-2, log = true }\n'
    )
    with pytest.raises(UserError, match=r"'grid' needs lists of values; train.lr is a range"):
        load_study(write(tmp_path, text))


def test_set_goes_before_the_file_and_the_file_before_the_defaults(tmp_path: Path):
    path = write(tmp_path, MINIMAL + "[train]\nlr = 1e-3\nwarmup_updates = 7\n")
    train = load_study(path, ["train.lr=3e-4"]).train
    assert (train.lr, train.warmup_updates, train.label_smoothing) == (3e-4, 7, 0.1)


def test_a_setting_without_a_value_is_refused(tmp_path: Path):
    with pytest.raises(UserError, match=r"write it as table.key=value"):
        load_study(write(tmp_path, MINIMAL), ["train.lr"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = ", "Invalid value"),
        ("a = 1\n" * 2, r"a setting is there twice; remove one \(at line 2, column 6\)"),
        (
            "[space]\na = 1\n[space]",
            r"table \[space\] is there twice; make one of them \(at line 3",
        ),
        ("[a.b]\n[a.b]", r"table \[a\.b\] is there twice"),
    ],
)
def test_a_file_that_is_no_toml_is_one_clear_line(tmp_path: Path, text: str, message: str):
    with pytest.raises(UserError, match=f"^[^\n]*: not TOML: {message}[^\n]*$"):
        load_study(write(tmp_path, text))


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path):
    path = write(tmp_path, MINIMAL)
    study = load_study(path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load_study(path) == study


def test_an_empty_name_of_data_is_refused(tmp_path: Path):
    with pytest.raises(UserError, match=r": data '': must not be empty$"):
        load_study(write(tmp_path, MINIMAL), ["data="])


def test_an_absent_file_is_one_clear_line(tmp_path: Path):
    with pytest.raises(UserError, match="No such file"):
        load_study(tmp_path / "absent.toml")


def test_a_candidate_becomes_a_trial_with_its_layout_and_hyper_parameters(
    tiny_study: Callable[..., StudyConfig],
):
    candidate = Candidate(
        encoder=Layout.parse("(R7L)*2"),
        decoder=Layout.parse("L"),
        reservoir_gain=2.0,
        hyper={"train.lr": 1e-3, "model.dropout": 0.3},
    )
    trial = tiny_study().trial(candidate, data="d")
    assert trial.model.encoder == Layout.parse("R1LR1L")
    assert (trial.model.reservoir_gain, trial.model.dropout, trial.train.lr) == (2.0, 0.3, 1e-3)
    assert trial.train.warmup_updates == 4


def test_a_candidate_whose_settings_do_not_fit_is_refused(
    tiny_study: Callable[..., StudyConfig],
):
    candidate = Candidate(
        encoder=Layout.parse("L"),
        decoder=Layout.parse("L"),
        reservoir_gain=1.0,
        hyper={"model.d_model": 18},
    )
    with pytest.raises(UserError, match="d_model 18 must be a multiple of 2 x heads = 4"):
        tiny_study().trial(candidate, data="d")


def test_clipping_can_be_switched_off(tmp_path: Path):
    path = write(tmp_path, MINIMAL + '[train]\nclip_norm = "none"\n')
    assert load_study(path).train.clip_norm is None
