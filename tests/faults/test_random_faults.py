"""Real studies under faults at random moments; the seed is printed, and can be given.

The short test has one seed, so that a change is judged by its own faults; the long one another
at each run.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import pytest

from tests.faults.faults import FAULTS
from tests.faults.harness import Harness
from tests.faults.table import table

SHORT_SEED = int(os.environ.get("FAULTS_SEED") or 1)
LONG_SEED = int(os.environ.get("FAULTS_SEED") or secrets.randbelow(10**6))


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_three_minutes_of_faults_lose_nothing(
    tmp_path: Path, small_grammar: Path, capsys: pytest.CaptureFixture[str]
):
    faults = [fault for fault in FAULTS if fault.in_short]
    outcome = Harness(tmp_path, small_grammar, seed=SHORT_SEED, faults=faults).run(3)
    with capsys.disabled():
        print(f"\n{table(outcome)}")
    assert outcome.strikes


@pytest.mark.cluster
@pytest.mark.timeout(5400)
def test_an_hour_of_faults_loses_nothing(
    tmp_path: Path, small_grammar: Path, capsys: pytest.CaptureFixture[str]
):
    outcome = Harness(tmp_path, small_grammar, seed=LONG_SEED).run(60)
    with capsys.disabled():
        print(f"\n{table(outcome)}")
    assert outcome.strikes
