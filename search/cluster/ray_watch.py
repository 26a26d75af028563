"""Ends a search whose Ray has died under it, which Ray ends without a word or not at all."""

from __future__ import annotations

import _thread
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import ray

from search.study.errors import WorkFailed

CHECK_S = 2.0
PATIENCE_S = 20.0  # without an answer; Ray itself ends the process 60 s after it lost the head
GRACE_S = 20.0  # to close the records after that; Ray's calls may never return


@contextmanager
def watching_ray(*, head_gone: str, raylet_gone: str) -> Iterator[None]:
    """Interrupt the block when Ray's head or this machine's raylet stops answering.

    Once one of them is gone, calls of Ray may block for ever, so the process ends ``GRACE_S``
    after the interruption even if the main thread never hears of it.

    Args:
        head_gone: the message when the process ``gcs_server`` is gone.
        raylet_gone: the message when this machine's ``raylet`` is gone.

    Raises:
        WorkFailed: one of them is gone.
    """
    checks = {
        head_gone: _connects_to(ray.get_runtime_context().gcs_address),
        raylet_gone: _connects_to(_raylet_address()),
    }
    lost: list[str] = []  # the message, once something is
    over = threading.Event()

    def watch() -> None:
        message = _first_without_answer(checks, over)
        if message is None:
            return
        lost.append(message)
        _thread.interrupt_main()
        time.sleep(GRACE_S)
        print(f"failed: {message}", file=sys.stderr, flush=True)
        os._exit(1)

    threading.Thread(target=watch, name="ray-watch", daemon=True).start()
    try:
        yield
    except BaseException as error:
        if lost:
            raise WorkFailed(lost[0]) from error
        raise
    finally:
        if not lost:  # else Ray's own end is watched too
            over.set()


def _first_without_answer(
    checks: Mapping[str, Callable[[], bool]], over: threading.Event
) -> str | None:
    """Name of the first check that fails for ``PATIENCE_S``; None once ``over`` is set."""
    last_answers = dict.fromkeys(checks, time.monotonic())
    while not over.wait(CHECK_S):
        for name, answers in checks.items():
            if answers():
                last_answers[name] = time.monotonic()
            elif time.monotonic() - last_answers[name] > PATIENCE_S:
                return name
    return None


def _raylet_address() -> str:
    """HOST:PORT of the raylet that this process uses."""
    node_id = ray.get_runtime_context().get_node_id()
    (node,) = (node for node in ray.nodes() if node["NodeID"] == node_id)
    return f"{node['NodeManagerAddress']}:{node['NodeManagerPort']}"


def _connects_to(address: str) -> Callable[[], bool]:
    host, _, port = address.rpartition(":")

    def answers() -> bool:
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=CHECK_S).close()
        except OSError:
            return False
        return True

    return answers
