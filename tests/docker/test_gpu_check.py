"""scripts/gpu_check.sh with a Python that stands in for a machine with a GPU."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "gpu_check.sh"

STAND_IN = """#!/usr/bin/env bash
case "$*" in
    "-c import sys, torch"*) exit {no_gpu} ;;
    "-c import torch; print"*) echo "a GPU" ;;
    "-m pytest"*) echo "7 passed, 3 deselected in 9.00s" ;;
    "-m benchmarks.training"*) cp {place}/training-cuda.json "${{@: -1}}" ;;
    "-m search show"*) cat {place}/show.json ;;
    "-m search run"*) exit {search} ;;
    "-m search data"*) ;;
    *) exec {python} "$@" ;;
esac
"""


def rate(of: float) -> dict[str, float]:
    return {"median": of, "low": of, "high": of}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout that holds the script alone, and what its parts would find."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(SCRIPT, tmp_path / "scripts")
    rows = [
        {"": name, "updates/s": rate(of), "× fairseq": rate(of / 10), "first, × fairseq": rate(6)}
        for name, of in (("fairseq-train, transformer", 10), ("model0", 120), ("model4", 140))
    ]
    (tmp_path / "training-cuda.json").write_text(json.dumps({"tables": [{"rows": rows}]}))
    trials = [{"state": "completed"}] * 6 + [{"state": "stopped"}] * 4
    best = {"layout": "RLRL", "metric": "BLEU", "score": 51.62}
    (tmp_path / "show.json").write_text(json.dumps({"trials": trials, "best": best}))
    return tmp_path


def check(checkout: Path, *, no_gpu: int = 0, search: int = 0) -> subprocess.CompletedProcess[str]:
    python = checkout / "python"
    python.write_text(
        STAND_IN.format(no_gpu=no_gpu, search=search, place=checkout, python=sys.executable)
    )
    python.chmod(0o755)
    return subprocess.run(
        [checkout / "scripts" / "gpu_check.sh"],
        env={**os.environ, "PYTHON": str(python)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_table_has_each_part_with_its_figures(checkout: Path):
    done = check(checkout)
    assert done.returncode == 0, done.stderr
    _, _, *rows, last = done.stdout.splitlines()
    assert [re.sub(r"\s+\d+ s  ", " | ", row) for row in rows] == [
        "tests      passed | 7 passed, 3 deselected in 9.00s",
        (
            "training   passed | updates/s: fairseq 10.0; model0 120.0, 12.0 times, first updates "
            "6.0 times; model4 140.0, 14.0 times, first updates 6.0 times"
        ),
        "search     passed | 6 completed, 4 stopped; best RLRL, BLEU 51.6",
    ]
    assert "s in all" in last


def test_a_part_that_is_not_done_in_time_fails_the_check_and_the_others_are_told(checkout: Path):
    done = check(checkout, search=75)
    assert done.returncode == 1
    assert re.search(r"^search +out of time ", done.stdout, re.MULTILINE)
    assert re.search(r"^tests +passed ", done.stdout, re.MULTILINE)


def test_a_machine_without_a_gpu_is_told_in_a_line(checkout: Path):
    done = check(checkout, no_gpu=1)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert not (checkout / "build").exists()


def test_its_parts_fit_in_nine_minutes():
    text = SCRIPT.read_text()
    limits = [int(limit) for limit in re.findall(r"^run_part \w+ (\d+) ", text, re.MULTILINE)]
    whole = re.search(r"^whole_s=(\d+)$", text, re.MULTILINE)
    assert whole is not None
    assert len(limits) == 3
    assert sum(limits) <= int(whole.group(1)) < 9 * 60
