"""A CUDA graph's capture, on a machine without CUDA."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any
from unittest.mock import Mock

import pytest
import torch

from trainable.device import capture


class Cuda:
    """A stand-in whose capture breaks as torch's does: it leaves its stream the current one."""

    def __init__(self) -> None:
        self.here = Mock(device=torch.device("cuda", 0))
        self.current = self.here
        self.default_generators = (Mock(),)

    def current_stream(self, device: torch.device) -> Any:
        return self.current

    @contextlib.contextmanager
    def stream(self, stream: Any) -> Iterator[None]:
        before, self.current = self.current, stream
        try:
            yield
        finally:
            self.current = before

    @contextlib.contextmanager
    def graph(
        self, graph: Any, *, pool: Any, stream: Any, capture_error_mode: str
    ) -> Iterator[None]:
        assert capture_error_mode == "thread_local"
        before, self.current = self.current, stream
        yield
        self.current = before


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> Cuda:
    stand_in = Cuda()
    for name in ("current_stream", "stream", "graph", "default_generators"):
        monkeypatch.setattr(torch.cuda, name, getattr(stand_in, name))
    return stand_in


def test_a_capture_that_breaks_leaves_stream_and_dropout_usable(cuda: Cuda):
    (generator,) = cuda.default_generators
    with pytest.raises(RuntimeError, match="waits"), capture(Mock(), stream=Mock()):
        raise RuntimeError("waits")
    assert cuda.current is cuda.here
    generator.graphsafe_set_state.assert_called_once_with(generator.clone_state())


def test_a_capture_that_ends_well_leaves_the_generator_to_its_graph(cuda: Cuda):
    stream = Mock()
    with capture(Mock(), stream=stream):
        assert cuda.current is stream
    assert cuda.current is cuda.here
    cuda.default_generators[0].graphsafe_set_state.assert_not_called()
