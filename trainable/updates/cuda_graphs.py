"""CUDA graphs: the kernels of an update, launched at once.

A host needs five times as long to launch an update's kernels one by one as the GPU to run them.
"""

from __future__ import annotations

import contextlib
import functools
import logging
from collections import deque
from collections.abc import Iterator

import torch

from trainable.device import capture
from trainable.updates.compiled import compiled_layers
from trainable.updates.recorder import Work

logger = logging.getLogger(__name__)

# Replays that the host may launch before the first of them has ended: enough to keep the GPU
# busy, and few enough that a budget in seconds ends in time and copies of batches stay few.
MAX_AHEAD = 8


class CudaGraphs:
    """Recorder of CUDA graphs that share their memory.

    Between two replays nothing of a graph's own memory is needed, so each may use it all. Once
    recorded, a graph runs no Python: what has been compiled is in it, and all that runs outside
    of it, such as a validation, is not compiled.
    """

    def __init__(self, device: torch.device, *, compiled: bool) -> None:
        self._pool = torch.cuda.graph_pool_handle()
        # One stream for all, else a library's workspace and the pool would be one for each.
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._compiled = compiled
        self._running: deque[torch.cuda.Event] = deque()

    def record(self, work: Work, *, warm_up: Work) -> Work:
        """A function that replays ``work``, recorded after two warm-up passes.

        Without a working compiler, the layers of this and later graphs are not compiled.
        """
        try:
            return self._record(work, warm_up)
        except Exception as error:  # a compiler's faults are of any kind
            if not self._compiled:
                raise
            logger.warning("layers stay uncompiled: %s", f"{error}".split("\n")[0])
            self._compiled = False
            self._pool = torch.cuda.graph_pool_handle()  # no capture failed in this one
            return self._record(work, warm_up)

    def _record(self, work: Work, warm_up: Work) -> Work:
        graph = torch.cuda.CUDAGraph()
        here = torch.cuda.current_stream(self._stream.device)
        with compiled_layers() if self._compiled else contextlib.nullcontext():
            self._stream.wait_stream(here)
            with torch.cuda.stream(self._stream):
                warm_up()
                with _host_waits_are_errors():
                    warm_up()
            here.wait_stream(self._stream)
            with capture(graph, stream=self._stream, pool=self._pool):
                work()
        return functools.partial(self._replay, graph)

    def _replay(self, graph: torch.cuda.CUDAGraph) -> None:
        graph.replay()
        ended = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
        ended.record()
        self._running.append(ended)
        if len(self._running) > MAX_AHEAD:
            self._running.popleft().synchronize()


@contextlib.contextmanager
def _host_waits_are_errors() -> Iterator[None]:
    """Find a wait for the GPU before it breaks a capture, whose error would not name it."""
    before = torch.cuda.get_sync_debug_mode()
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode(before)
