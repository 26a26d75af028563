"""A process of its own: its output, its memory, and its end."""

from __future__ import annotations

import pytest

from benchmarks.processes import run_module
from search.study.errors import WorkFailed


def test_memory_is_the_processes_own_and_not_its_parents():
    ballast = bytearray(2**30)  # what the system counts for every child of this process
    ended = run_module("platform", [], seconds=60)
    assert 2**24 < ended.peak_memory_bytes < len(ballast)


def test_the_last_line_is_the_modules_own():
    assert run_module("platform", [], seconds=60).last_line.startswith("Linux")


def test_a_failure_tells_the_last_words():
    with pytest.raises(WorkFailed, match="No module named no_such_module"):
        run_module("no_such_module", [], seconds=60)


def test_a_process_that_takes_too_long_is_ended():
    # timeit never comes to an end with such a statement
    with pytest.raises(WorkFailed, match="longer than 2 s"):
        run_module("timeit", ["-n", "1", "-r", "1", "import time; time.sleep(60)"], seconds=2)
