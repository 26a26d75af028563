"""The order of a CUDA graph's warm-up and capture, with a stand-in for the GPU."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import Any
from unittest.mock import MagicMock

import pytest
import torch

from trainable.updates import cuda_graphs
from trainable.updates.cuda_graphs import MAX_AHEAD, CudaGraphs

GPU = torch.device("cuda", 0)


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What happens on the stand-in, in order."""
    events: list[str] = []

    @contextlib.contextmanager
    def block(name: str, **_: Any) -> Iterator[None]:
        events.append(f"{name} begins")
        try:
            yield
        finally:
            events.append(f"{name} ends")

    cuda = MagicMock()
    cuda.graph = lambda graph, **options: block(f"capture in pool {options['pool']}")
    cuda.graph_pool_handle.side_effect = [1, 2]
    cuda.set_sync_debug_mode = lambda mode: events.append(f"waits: {mode}")
    cuda.get_sync_debug_mode.return_value = 0
    cuda.CUDAGraph.return_value.replay = lambda: events.append("replay")
    monkeypatch.setattr(cuda_graphs.torch, "cuda", cuda)
    monkeypatch.setattr(cuda_graphs, "compiled_layers", lambda: block("compiled"))
    return events


CAPTURE = ["warm-up", "waits: error", "warm-up", "waits: 0"]


def test_work_is_warmed_up_captured_and_replayed(events: list[str]):
    graphs = CudaGraphs(GPU, compiled=True)
    replay = graphs.record(lambda: events.append("work"), warm_up=lambda: events.append("warm-up"))
    captured = ["capture in pool 1 begins", "work", "capture in pool 1 ends"]
    assert events == ["compiled begins", *CAPTURE, *captured, "compiled ends"]
    events.clear()
    replay()
    assert events == ["replay"]


def test_a_compiler_that_fails_leaves_plain_layers(
    events: list[str], caplog: pytest.LogCaptureFixture
):
    def warm_up() -> None:
        events.append("warm-up")
        if "compiled begins" in events and "compiled ends" not in events:
            raise RuntimeError("no C compiler\nis here")

    graphs = CudaGraphs(GPU, compiled=True)
    for _ in range(2):
        with caplog.at_level(logging.INFO):
            graphs.record(lambda: events.append("work"), warm_up=warm_up)
    captured = ["capture in pool 2 begins", "work", "capture in pool 2 ends"]
    plain = [*CAPTURE, *captured]
    assert events == ["compiled begins", "warm-up", "compiled ends", *plain, *plain]
    assert [r.getMessage() for r in caplog.records] == ["layers stay uncompiled: no C compiler"]


def test_what_waits_for_the_host_fails_before_the_capture(events: list[str]):
    def warm_up() -> None:
        if "waits: error" in events:
            raise RuntimeError("called a synchronizing CUDA operation")

    with pytest.raises(RuntimeError, match="synchronizing"):
        CudaGraphs(GPU, compiled=False).record(lambda: events.append("work"), warm_up=warm_up)
    assert events == ["waits: error", "waits: 0"]


def test_the_host_launches_few_replays_before_the_first_has_ended(events: list[str]):
    ended = [MagicMock(name=f"end of {number}") for number in range(MAX_AHEAD + 2)]
    cuda_graphs.torch.cuda.Event.side_effect = ended
    replay = CudaGraphs(GPU, compiled=False).record(lambda: None, warm_up=lambda: None)
    for _ in range(MAX_AHEAD):
        replay()
    assert not any(event.synchronize.called for event in ended)
    replay()
    replay()
    assert [event.synchronize.called for event in ended] == [True, True] + [False] * MAX_AHEAD
