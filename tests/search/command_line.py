"""The real command line, in processes of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "search"]


def environment(**extra: str) -> dict[str, str]:
    """The environment for a command, with nothing of the caller's MLflow or Ray."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MLFLOW_", "RAY_", "TUNE_"))
    }
    return {**inherited, "PYTHONPATH": str(ROOT), **extra}


def reservoir_search(
    *arguments: str, cwd: Path, stdin: str = "", timeout: float = 300, **extra: str
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; one that takes longer than ``timeout`` shows how far it came."""
    try:
        return subprocess.run(
            [*COMMAND, *arguments],
            cwd=cwd,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env=environment(**extra),
        )
    except subprocess.TimeoutExpired as error:
        pytest.fail(f"{error}; its last words:\n{(error.stderr or b'')[-2000:].decode()}")


def start(*arguments: str, cwd: Path, **extra: str) -> subprocess.Popen[str]:
    """Start a command in a process group of its own; its log is ``log.txt`` in ``cwd``."""
    with (cwd / "log.txt").open("w") as log:
        return subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=cwd,
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment(**extra),
            start_new_session=True,
        )


def study_toml(data: Path, **tables: str) -> str:
    """A study of tiny trials on ``data``; a keyword gives a table's lines.

    It has no references unless its ``[search]`` says so.
    """
    defaults = {
        "space": (
            "depth = [2, 3]\nn_reservoirs = [0, 1, 2]\n"
            'interleaving = ["bottom", "top"]\nshare_learned = ["none", "all"]\ndecoder_depth = 1'
        ),
        "model": "d_model = 16\nffn = 32\nheads = 2",
        "train": "lr = 5e-3\nwarmup_updates = 4\nbatch_tokens = 256",
        "validation": "interval_updates = 4\nn_sentences = 10",
        "budget": "updates = 12",
        "search": "n_trials = 6\nn_startup = 3",
        "scheduler": 'name = "asha"\ngrace = 4',
    }
    tables = {**defaults, **tables}
    if "references" not in tables["search"]:
        tables["search"] = f"references = false\n{tables['search']}"
    lines = [f'data = "{data}"']
    lines += [f"[{name}]\n{text}" for name, text in tables.items()]
    return "\n".join(lines) + "\n"
