"""Every benchmark can be imported and is listed; ``make bench`` runs those that it should."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

import pytest

from benchmarks.__main__ import BENCHMARKS, LONG, main
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
