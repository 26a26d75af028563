"""What a rank does when the machine of another one is gone."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import ray

logger = logging.getLogger(__name__)

_LOOK_S = 1.0
# A peer that died on a living machine is an error of its connection long before.
_GRACE_S = 15.0


@contextmanager
def ending_if_lost(pending: Sequence[Any]) -> Iterator[None]:
    """End this process if a peer dies that it may be waiting for.

    Over a cut link nothing comes, not even the end of a connection, and a rank would wait
    for as long as for the longest validation. Ray does notice, and Tune restarts a trial
    whose process ended from its checkpoint.

    Args:
        pending: what the peers were asked to do meanwhile, as Ray's references.
    """
    over = threading.Event()
    threading.Thread(target=_watch, args=(list(pending), over), daemon=True).start()
    try:
        yield
    finally:
        over.set()


def _watch(pending: list[Any], over: threading.Event) -> None:
    while pending and not over.is_set():
        done, pending = ray.wait(pending, timeout=_LOOK_S)
        if any(_is_lost(reference) for reference in done) and not over.wait(_GRACE_S):
            logger.error("a rank of this trial is gone: the trial goes on from its checkpoint")
            os._exit(1)  # the main thread may be deep in a collective that never returns


def _is_lost(reference: Any) -> bool:
    try:
        ray.get(reference)
    except ray.exceptions.RayActorError:
        return True
    except ray.exceptions.RayError:  # a failure of its own, of which we hear otherwise
        return False
    return False
