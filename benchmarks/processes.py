"""Measurements in a separate process: its output and its peak memory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.machine import N_THREADS, ROOT
from benchmarks.with_memory import PREFIX
from search.study.errors import WorkFailed


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A process that ended well."""

    output: str  # stdout, then stderr
    last_line: str  # last line of stdout
    peak_memory_bytes: int  # resident memory
    seconds: float  # from its start to its end


def run_module(module: str, arguments: Sequence[str], *, seconds: float) -> Ended:
    """``python -m MODULE ARGUMENTS`` with the benchmarks' number of threads.

    Raises:
        WorkFailed: it failed, or took longer than ``seconds``.
    """
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "benchmarks.with_memory", module, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=_environment(),
        start_new_session=True,  # its children can be ended with it
    )
    try:
        stdout, stderr = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        raise WorkFailed(f"{module} took longer than {seconds:g} s") from None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    if process.returncode != 0:
        last_words = " / ".join((stdout + stderr).strip().splitlines()[-5:])
        raise WorkFailed(f"{module} ended with {process.returncode}: {last_words}")
    *lines, memory = stdout.strip().splitlines()
    return Ended(
        output="\n".join([*lines, stderr]),
        last_line=lines[-1] if lines else "",
        peak_memory_bytes=int(memory.removeprefix(PREFIX)),
        seconds=time.perf_counter() - start,
    )


def _environment() -> dict[str, str]:
    return {
        **os.environ,
        "OMP_NUM_THREADS": str(N_THREADS),
        "PYTHONPATH": str(ROOT),
        "RAY_USAGE_STATS_ENABLED": "0",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
