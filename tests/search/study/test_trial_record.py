from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from search.study.config import StudyConfig
from search.study.ledger import Ledger, read_records
from search.study.trial_record import TrialRecord
from spaces.layout import Layout
from tests.search.conftest import candidates_of, curve_point

Make = Callable[..., TrialRecord]


def test_measures_are_read_off_the_curve(make_record: Make):
    curve = tuple(curve_point(*at) for at in ((4, 2), (8, 9), (12, 7)))
    measures = make_record(curve=curve, n_epochs=1.5, peak_memory_bytes=2**30).measures()
    assert measures["time_to_best"] == 8
    assert measures["time_to_minimum_loss"] == 8
    assert measures["loss_minimum"] == pytest.approx(8.0 - 0.9)
    assert measures["mean_tokens_per_s"] == pytest.approx(1200 / 6)
    assert measures["peak_memory_mib"] == 1024
    # 1.5 M stored parameters of 4 bytes
    assert measures["weights_mib"] == pytest.approx(6e6 / 2**20)


def test_the_objective_so_far_is_that_of_the_points_so_far(make_record: Make):
    record = make_record(state="running")
    # 4 x (0 + 2)/2 = 4, then + 4 x (2 + 6)/2 = 20; the record has 2 M parameters.
    assert record.so_far(1) == (pytest.approx(4.0), pytest.approx(2.0))
    assert record.so_far(2) == (pytest.approx(20.0), pytest.approx(10.0))


def test_a_trial_without_a_point_has_no_measures(make_record: Make):
    record = make_record(curve=(), aucc=None, objective=None)
    assert record.measures() == {}
    assert record.summary()["score"] is None


# Settings that later versions have, with the values that mean what was before.
SETTINGS_SINCE = (
    b'"attention": "softmax", ',
    b'"attention_features": 64, ',
    b'"attention_length": 32, ',
    b'"attention_sharing": "none", ',
    b', "reservoir_dropout": "off"',
    b'"at": null, "of": [], ',
    b', "init_from": null',
    b', "distill": null, "distill_weight": 0.5',
)


def test_records_written_when_layouts_were_text_are_written_again_byte_for_byte(tmp_path: Path):
    # Records of the version before: with every field set, and with the required fields alone.
    before = Path(__file__).with_name("records.jsonl").read_bytes()
    path = tmp_path / "trials.jsonl"
    path.write_bytes(before)
    full, bare = read_records(path).values()
    assert full.layout == Layout.parse("R7La1R7La1")  # as suggested
    assert full.encoder == Layout.parse("R1La1R1La1")
    assert full.config.train.clip_norm is None
    assert bare.decoder == Layout.parse("RL")
    with Ledger.in_order(path):
        pass
    # Since then scores have another name, and that of their metric beside them.
    renamed = before.replace(b'"bleu": ', b'"score": ').replace(b'"min_bleu": ', b'"min_score": ')
    named = re.sub(rb'("optuna_number": \d+, )', rb'\1"metric": "BLEU", ', renamed)
    named = re.sub(rb'("peak_memory_bytes": \w+, )', rb'\1"warmup_s": null, ', named)
    written = re.sub(rb', "crc32": "[0-9a-f]{8}"', b"", path.read_bytes())
    for setting in SETTINGS_SINCE:
        assert written.count(setting) == 2
        written = written.replace(setting, b"")
    assert written == named


def test_a_record_is_the_same_from_its_json(make_record: Make):
    record = make_record(layout=Layout.parse("R7LR7L"), dynamics={"4": {"lyapunov": 0.5}})
    assert TrialRecord.from_json(json.dumps(record.to_dict())) == record


def test_the_settings_beside_the_layouts_are_told_by_dotted_name(make_record: Make):
    record = make_record()
    hyper = record.hyper()
    assert {"model.encoder", "model.decoder"}.isdisjoint(hyper)
    assert hyper == {name: record.config.setting(name) for name in hyper}
    assert {name.partition(".")[0] for name in hyper} == {"model", "train"}


@pytest.mark.parametrize(("clock", "horizon"), [("updates", 12), ("seconds", 60.0)])
def test_a_study_its_trials_and_their_records_have_one_horizon(
    tiny_study: Callable[..., StudyConfig], make_record: Make, clock: str, horizon: float
):
    study = tiny_study(budget={"updates": 12, "seconds": 60.0}, objective={"clock": clock})
    trial = study.trial(candidates_of(study)[0], data="data")
    record = make_record(config=trial)
    assert study.horizon == trial.horizon == record.config.horizon == horizon


def test_a_record_of_an_earlier_version_is_of_translation_and_has_its_scores_as_bleu(
    make_record: Make,
):
    record = make_record()
    values = json.loads(json.dumps(record.to_dict()))
    del values["metric"]
    for point in values["curve"]:
        point["bleu"] = point.pop("score")
    objective = values["config"]["objective"]
    objective["min_bleu"] = objective.pop("min_score")
    read = TrialRecord.from_json(json.dumps(values))
    assert read == record
    assert read.summary()["metric"] == "BLEU"


def test_a_record_names_its_metric(make_record: Make):
    record = make_record(metric="accuracy")
    assert TrialRecord.from_json(json.dumps(record.to_dict())) == record
    assert record.summary() | {"metric": "accuracy", "score": 7.0} == record.summary()
