"""End of a search whose Ray has died: Ray itself exits without a message, or blocks for ever."""

from __future__ import annotations

import _thread
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import ray

from search.study.console import tell
from search.study.errors import NotFinished, WorkFailed

CHECK_S = 2.0  # time between two checks, and the longest one for an answer
TIMEOUT_S = 20.0  # time without an answer; Ray itself ends the process 60 s after losing the head
GRACE_S = 20.0  # time for closing the records after that; Ray's calls may never return


@contextmanager
def watching_ray(*, head_gone: str, raylet_gone: str) -> Iterator[None]:
    """Interrupt the block when Ray's head or this machine's raylet stops answering.

    Once one of them has died, calls of Ray may block for ever, so the process ends ``GRACE_S``
    after the interruption even if the main thread is still blocked.

    Args:
        head_gone: message if the head (the process ``gcs_server``) has died.
        raylet_gone: message if this machine's ``raylet`` has died.

    Raises:
        WorkFailed: one of them has died.
    """
    checks = {
        head_gone: _connects_to(ray.get_runtime_context().gcs_address),
        raylet_gone: _connects_to(_raylet_address()),
    }
    lost: list[str] = []  # the message, once a process has died
    over = threading.Event()

    def watch() -> None:
        message = _first_without_answer(checks, over)
        if message is None:
            return
        lost.append(message)
        _thread.interrupt_main()
        time.sleep(GRACE_S)
        tell(f"failed: {message}")
        os._exit(1)

    threading.Thread(target=watch, name="ray-watch", daemon=True).start()
    try:
        yield
    except BaseException as error:
        message = lost[0] if lost else _cause_in_ray(error, checks)
        if message is not None:
            raise WorkFailed(message) from error
        raise
    finally:
        if not lost:  # else the watch goes on, as ray.shutdown may block too
            over.set()


def _cause_in_ray(error: BaseException, checks: Mapping[str, Callable[[], bool]]) -> str | None:
    """Name of a check that fails now, if that may explain ``error``, such as nodes without CPUs.

    An error may come seconds before the watch is sure that a process of Ray has died.
    """
    if not isinstance(error, Exception) or isinstance(error, (OSError, WorkFailed, NotFinished)):
        return None
    return next((name for name, answers in checks.items() if not answers()), None)


def _first_without_answer(
    checks: Mapping[str, Callable[[], bool]], over: threading.Event
) -> str | None:
    """Name of the first check that fails for ``TIMEOUT_S``; None once ``over`` is set."""
    last_answers = dict.fromkeys(checks, time.monotonic())
    while not over.wait(CHECK_S):
        for name, answers in checks.items():
            if answers():
                last_answers[name] = time.monotonic()
            elif time.monotonic() - last_answers[name] > TIMEOUT_S:
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
