"""Every benchmark can be imported and is listed; ``make bench`` runs those that it should."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from pathlib import Path

import pytest
import torch

from benchmarks.__main__ import BENCHMARKS, LONG, main
from benchmarks.command import run
from benchmarks.result import Report

MAKEFILE = Path(__file__).parents[2] / "Makefile"


@pytest.mark.parametrize("name", BENCHMARKS + LONG)
def test_a_benchmark_gives_a_report(name: str):
    measure = importlib.import_module(f"benchmarks.{name}").measure
    assert inspect.get_annotations(measure, eval_str=True)["return"] is Report


def test_the_list_has_a_line_for_what_each_measures(capsys: pytest.CaptureFixture[str]):
    main()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 * len(BENCHMARKS + LONG)
    assert all(len(line.strip()) > 30 for line in lines)


def test_make_bench_runs_all_but_the_long_ones():
    line = re.search(r"^BENCHMARKS := (.*)$", MAKEFILE.read_text(), re.MULTILINE)
    assert line is not None
    assert tuple(line.group(1).split()) == BENCHMARKS


def test_make_bench_gpu_fits_in_nine_minutes():
    text = MAKEFILE.read_text()
    line = re.search(r"^GPU_BENCHMARKS := (.*)$", text, re.MULTILINE)
    assert line is not None
    seconds = {name: int(number) for name, number in re.findall(r"(\w+):(\d+)", line.group(1))}
    assert list(seconds) == ["training", "reservoir_gain", "validation", "trial_overhead"]
    after = re.search(r"\(seconds \+ (\d+)\)", text)
    assert after is not None
    assert sum(seconds.values()) + len(seconds) * int(after.group(1)) <= 9 * 60


@pytest.mark.parametrize("name", ["training", "reservoir_gain", "validation", "trial_overhead"])
def test_a_benchmark_on_a_gpu_is_refused_where_there_is_none(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(sys, "argv", [name, "--out", str(tmp_path), "--device", "cuda"])
    module = importlib.import_module(f"benchmarks.{name}")
    with pytest.raises(SystemExit) as ended:
        run(module.measure, module.__doc__, on_devices=True)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("error: --device cuda: this machine has no GPU")
    assert not list(tmp_path.iterdir())
