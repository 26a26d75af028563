"""What rank 0 does when another rank of its trial fails or is lost."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import ray
from ray import exceptions

from trainable.environment_fault import environment_fault

logger = logging.getLogger(__name__)

_POLL_S = 1.0
# A closed connection raises an error well within this time.
_GRACE_S = 15.0


@contextmanager
def released_if_peers_fail(peers: Sequence[Any], pending: Sequence[Any]) -> Iterator[None]:
    """Let the block's collectives raise an error, and not wait, if a peer's call fails meanwhile.

    gloo closes a connection when nothing holds its group any more, and an error's traceback
    holds the model, which holds the group. So the peers are killed, which closes theirs. A
    broken network link closes nothing: if a peer is lost and the block goes on waiting, this
    process ends, and Tune restarts the trial from its checkpoint.

    Args:
        peers: Ray handles of the other ranks' actors; of no use after a failure.
        pending: Ray references to their calls that run at the same time.
    """
    over = threading.Event()
    threading.Thread(target=_watch, args=(peers, list(pending), over), daemon=True).start()
    try:
        yield
    finally:
        over.set()


def cause_of(error: BaseException, pending: Sequence[Any]) -> BaseException:
    """What made the calls of a trial's ranks fail, of which each but one may say "lost".

    Args:
        error: rank 0's own, which is the cause unless it is a lost connection.
        pending: as in ``released_if_peers_fail``; waited for as long as a peer needs to notice.
    """
    if not _is_lost_connection(error):
        return error
    done, _ = ray.wait(list(pending), num_returns=len(pending), timeout=_GRACE_S)
    failures = [failure for failure in map(_failure, done) if failure is not None]
    # A peer's own failure comes before the end of its process, which may be our doing.
    own = [one for one in failures if isinstance(one, exceptions.RayTaskError)]
    return next((one for one in own if not _is_lost_connection(one)), next(iter(failures), error))


def _watch(peers: Sequence[Any], pending: list[Any], over: threading.Event) -> None:
    while pending and not over.is_set():
        done, pending = ray.wait(pending, timeout=_POLL_S)
        failures = [failure for failure in map(_failure, done) if failure is not None]
        if failures:
            for peer in peers:
                ray.kill(peer)
            if any(map(_is_loss, failures)) and not over.wait(_GRACE_S):
                logger.error("a rank of this trial is gone: the trial goes on from its checkpoint")
                os._exit(1)  # the main thread may be deep in a collective that never returns
            return


def _failure(done: Any) -> exceptions.RayError | None:
    try:
        ray.get(done)
    except exceptions.RayError as error:
        return error
    return None


def _is_loss(failure: exceptions.RayError) -> bool:
    return isinstance(failure, exceptions.RayActorError)


def _is_lost_connection(error: BaseException) -> bool:
    fault = environment_fault(error)
    return fault is not None and fault.kind == "network"
