"""Ending of a rank's process when the machine of another rank is lost."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import ray

logger = logging.getLogger(__name__)

_POLL_S = 1.0
# If only the peer's process died, its closed connection raises an error well within this time.
_GRACE_S = 15.0


@contextmanager
def ending_if_lost(pending: Sequence[Any]) -> Iterator[None]:
    """End this process if a peer dies while the block runs.

    A broken network link does not close its connections, so a rank would wait until the
    time-out of a collective. Ray notices the loss, and Tune restarts a trial whose process
    ended from its checkpoint.

    Args:
        pending: Ray references to the peers' calls that run at the same time.
    """
    over = threading.Event()
    threading.Thread(target=_watch, args=(list(pending), over), daemon=True).start()
    try:
        yield
    finally:
        over.set()


def _watch(pending: list[Any], over: threading.Event) -> None:
    while pending and not over.is_set():
        done, pending = ray.wait(pending, timeout=_POLL_S)
        if any(_is_lost(reference) for reference in done) and not over.wait(_GRACE_S):
            logger.error("a rank of this trial is gone: the trial goes on from its checkpoint")
            os._exit(1)  # the main thread may be deep in a collective that never returns


def _is_lost(reference: Any) -> bool:
    try:
        ray.get(reference)
    except ray.exceptions.RayActorError:
        return True
    except ray.exceptions.RayError:  # the call failed by itself; its caller gets the error
        return False
    return False
