from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
import torch

import benchmarks.shared_gpu
from benchmarks.command import Options
from benchmarks.models import SMALL, trial
from benchmarks.rates import Rate
from benchmarks.shared_gpu import measure, mps, together
from spaces.errors import UserError


def test_processes_that_train_at_the_same_time_add_up(
    small_grammar: Path, monkeypatch: pytest.MonkeyPatch
):
    all_here = threading.Barrier(3, timeout=10)

    def rate(_config: object) -> Rate:
        all_here.wait()  # breaks if they come one after the other
        return Rate(tokens_per_s=1.0, updates_per_s=2.5, peak_memory_bytes=1)

    monkeypatch.setattr(benchmarks.shared_gpu, "our_rate", rate)
    assert together(trial("model0", SMALL, small_grammar, n_turns=2), 3) == 7.5


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_one_line_says_so(tmp_path: Path):
    with pytest.raises(UserError, match="there is no CUDA device here"):
        measure(Options(out=tmp_path, data=None))


def test_mps_serves_the_context_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    calls = tmp_path / "calls"
    control = tmp_path / benchmarks.shared_gpu.MPS
    control.write_text(f'#!/bin/sh\necho "$@$(test "$1" || cat)" >> {calls}\n')
    control.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_MPS_PIPE_DIRECTORY", raising=False)
    with mps():
        assert Path(os.environ["CUDA_MPS_PIPE_DIRECTORY"]).is_dir()
    assert "CUDA_MPS_PIPE_DIRECTORY" not in os.environ
    assert calls.read_text().split() == ["-d", "quit"]
