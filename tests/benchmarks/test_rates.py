"""Rates of a process: its first updates apart from those after them; and their table."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import pytest

from benchmarks import corpora, our_training, training, trial_overhead, validation
from benchmarks.command import Options
from benchmarks.matrix_products import Limits
from benchmarks.models import PAPER, SMALL, sizes, trial
from benchmarks.processes import Ended
from benchmarks.rates import Rate, fairseq_rate_from, our_rate_from
from benchmarks.result import Report, Table
from benchmarks.training import FAIRSEQ, _rows
from trainable.config import TrialConfig


def test_our_first_updates_are_apart_from_those_after_them():
    # 40 updates in 4 s, then 80 in 2 s with 800 tokens
    points = [(40, 400, 4.0), (80, 800, 5.0), (120, 1200, 6.0)]
    rate = our_rate_from(points, n_first=1, process_s=20.0, peak_memory_bytes=7)
    assert rate == Rate(
        tokens_per_s=400.0,
        updates_per_s=40.0,
        first_updates_per_s=10.0,
        outside_s=14.0,
        peak_memory_bytes=7,
    )


def test_fairseqs_first_updates_are_apart_from_those_after_them():
    # Lines of 40 updates with 10 tokens each: 4 s, 1 s, 1 s
    lines = [{"wpb": "10", "wps": wps} for wps in ("100", "400", "400")]
    rate = fairseq_rate_from(lines, interval=40, n_first=1, process_s=20.0, peak_memory_bytes=7)
    assert rate == our_rate_from(
        [(40, 400, 4.0), (80, 800, 5.0), (120, 1200, 6.0)],
        n_first=1,
        process_s=20.0,
        peak_memory_bytes=7,
    )


def test_a_process_tells_each_point_of_its_training(
    tiny_trial: TrialConfig, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(sys, "argv", ["our_training", tiny_trial.model_dump_json()])
    our_training.main()
    result = json.loads(capsys.readouterr().out)
    assert [updates for updates, _, _ in result["points"]] == [4, 8, 12]
    rate = our_rate_from(result["points"], n_first=1, process_s=100.0, peak_memory_bytes=1)
    assert 0 < rate.outside_s < 100
    assert rate.first_updates_per_s > 0


def test_the_table_compares_both_with_fairseq_of_the_same_round(small_grammar: Path):
    config = trial("model0", SMALL, small_grammar, n_turns=1)

    def rate(updates: float) -> Rate:
        return Rate(
            tokens_per_s=100 * updates,
            updates_per_s=updates,
            first_updates_per_s=updates / 2,
            outside_s=3.0,
            peak_memory_bytes=2**20,
        )

    rates = {FAIRSEQ: [rate(10), rate(20)], "model0": [rate(120), rate(240)]}
    rows = _rows({"model0": config}, rates, Limits(in_use=1e12, square=1e12))
    assert str(rows[1]["× fairseq"]) == str(rows[1]["first, × fairseq"]) == "12 (12 to 12)"
    assert "12 (12 to 12)" in Table(caption="c", rows=rows).to_markdown()


def test_a_device_has_its_size_and_its_name_of_results(monkeypatch: pytest.MonkeyPatch):
    assert sizes("cpu") == (SMALL,)
    assert sizes("cuda") == (PAPER,)
    assert sizes(None)[0] == SMALL
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert sizes(None) == (SMALL, PAPER)
    assert Options(out=Path(), device="cuda").name("training") == "training-cuda"
    assert Options(out=Path()).name("training") == "training"


def test_on_a_gpu_the_trials_have_the_papers_size(small_grammar: Path):
    for module in (validation, trial_overhead):
        small, large = (module._trial(small_grammar, size) for size in (SMALL, PAPER))
        assert (small.model.d_model, small.ranks.gpus_per_rank) == (128, 0.0)
        assert (large.model.d_model, large.model.ffn, large.ranks.gpus_per_rank) == (512, 1024, 1.0)
        assert large.model.encoder.depth == 8
        assert large.budget == small.budget


def made_up_rate(config: TrialConfig, *, n_first: int) -> Rate:
    updates = 10.0 + config.model.encoder.n_reservoirs
    return Rate(
        tokens_per_s=100 * updates,
        updates_per_s=updates,
        first_updates_per_s=updates / n_first,
        outside_s=3.0,
        peak_memory_bytes=2**20,
    )


def test_in_a_given_time_training_compares_two_models_at_the_papers_size(
    small_grammar: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda: "a GPU")
    for name in ("our_rate", "fairseq_rate"):
        monkeypatch.setattr(training, name, made_up_rate)
    limits = Limits(in_use=1e12, square=1e12)
    monkeypatch.setattr(training, "measure_limits", lambda *_, **__: limits)
    report = training.measure(Options(out=tmp_path, data=small_grammar, device="cuda", seconds=0.0))
    assert report.name == "training-cuda"
    assert report.header["GPU"].startswith("a GPU, CUDA")
    (table,) = report.tables
    assert "the paper's size" in table.caption
    assert "120 updates a round after the first 400" in table.caption
    assert [row[""] for row in table.rows] == [FAIRSEQ, "model0", "model4"]
    # One round alone, and Model 4 has four reservoirs.
    assert str(table.rows[2]["× fairseq"]) == "1.4 (1.4 to 1.4)"
    assert Report.from_json(report.to_json()).to_markdown() == report.to_markdown()


def test_in_a_given_time_two_shapes_of_a_trial_are_compared(
    small_grammar: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def run(module: str, arguments: list[str], *, seconds: float) -> Ended:
        gaps = [[1.0, 3.0]] * (int(arguments[1]) - 1)
        return Ended(output="", last_line=json.dumps(gaps), peak_memory_bytes=1, seconds=1.0)

    monkeypatch.setattr(trial_overhead, "run_module", run)
    options = Options(out=tmp_path, data=small_grammar, device="cpu", seconds=0.0)
    (table,) = trial_overhead.measure(options).tables
    assert [row["gaps"] for row in table.rows] == [4, 2]
    assert str(table.rows[0]["with the update"]) == "3 (3 to 3)"


def test_data_like_iwslt14_has_its_lengths():
    text = corpora._made_up(replace(corpora.LIKE_IWSLT14, n_train=2000))
    lengths = [len(line.split()) for line in text.splits["train"].raw.src]
    assert fmean(lengths) == pytest.approx(25, abs=1)  # cut off below, so a little longer
    assert 60 < max(lengths) <= corpora.LIKE_IWSLT14.longest
