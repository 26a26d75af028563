"""Provenance of a benchmark's figures: machine, versions, commit, date, seed."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[1]
N_THREADS = min(2, len(os.sched_getaffinity(0)))  # threads of every process that computes

SEED = 1  # data, weights, reservoirs, dropout and batches

_PARTS = ("torch", "ve-fairseq", "ray", "optuna", "mlflow")


def machine() -> dict[str, str]:
    """Machine, versions, commit, date and seed, by name."""
    load, _, _ = os.getloadavg()
    return {
        "machine": f"{_cpu()}, {len(os.sched_getaffinity(0))} cores, {_memory_gib():.0f} GiB",
        "GPU": _gpu(),
        "threads": f"{N_THREADS} for each process that computes",
        "load before": f"{load:.1f} processes",
        "versions": ", ".join(
            [f"Python {platform.python_version()}"]
            + [f"{part} {metadata.version(part)}" for part in _PARTS]
        ),
        "commit": _commit(),
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "seed": str(SEED),
    }


def _gpu() -> str:
    if not torch.cuda.is_available():
        return "none"
    return f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}"


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def _commit() -> str:
    commit = _git("rev-parse", "--short=12", "HEAD")
    if not commit:
        return "unknown: no checkout"
    changes = _git("status", "--porcelain", "--", ".", ":!benchmarks/results")
    return f"{commit}, with changes" if changes else commit


def _git(*arguments: str) -> str:
    if shutil.which("git") is None:
        return ""
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()
