"""The smallest benchmark as `make bench` runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.result import Report
from benchmarks.spread import Spread
from tests.search.command_line import ROOT, environment


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_benchmark_writes_what_it_measured(small_grammar: Path, tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.tracking", "--out", tmp_path, "--data", small_grammar],
        cwd=ROOT,
        env=environment(OMP_NUM_THREADS="1"),
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    report = Report.from_json((tmp_path / "tracking.json").read_text(encoding="utf-8"))
    assert (tmp_path / "tracking.md").read_text(encoding="utf-8") == report.to_markdown()
    assert report.to_markdown() in done.stdout
    for row in report.tables[0].rows:
        point, trial = row["a point"], row["a trial"]
        assert isinstance(point, Spread)
        assert isinstance(trial, Spread)
        assert 0 < point.low <= point.median <= point.high < trial.high
