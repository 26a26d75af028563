"""Signals at random moments of a search's first seconds, imports and Ray's start among them."""

from __future__ import annotations

import itertools
import os
import random
import re
import signal
import time
from pathlib import Path

import psutil
import pytest

from tests.faults.sessions import StudyUnderTest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

SECONDS = (0.0, 1.0, 3.0, 7.0, 12.0)  # a moment is drawn between each two of them
SIGNALS = (signal.SIGTERM, signal.SIGINT)
_OURS = re.compile(r"\S+ \S+ (estimate: |trial=|\d/\d trials )")


def test_a_signal_at_any_moment_is_one_line_or_none_and_leaves_nothing_behind(
    tmp_path: Path, small_grammar: Path
):
    seed = int(os.environ.get("FAULTS_SEED", "1"))
    rng = random.Random(seed)
    study = StudyUnderTest.make(tmp_path / "disk", small_grammar, tmp_path / "logs")
    for low, high in itertools.pairwise(SECONDS):
        number, moment_s = rng.choice(SIGNALS), rng.uniform(low, high)
        session = study.start()
        time.sleep(moment_s)
        session.signal(number)
        code = session.end(120)
        what = f"seed {seed}: {number.name} after {moment_s:.2f} s"
        said = [line for line in session.lines if not _OURS.match(line)]
        # By the signal itself while the program or Ray's core is loaded.
        assert (code, said) in [(130, ["interrupted"]), (-number, [])], what
        assert not left(study), what


def left(study: StudyUnderTest) -> set[psutil.Process]:
    """Processes that live on some seconds after the command; Ray's own need a moment to end."""
    deadline = time.monotonic() + 20
    while (found := study.processes()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return found
