"""Ends a search whose Ray cluster has lost its head, which Ray would end without a word."""

from __future__ import annotations

import _thread
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import ray

from search.study.errors import WorkFailed

CHECK_S = 2.0
PATIENCE_S = 25.0  # after 60 s without its head Ray ends the process
GRACE_S = 25.0  # for the records to be closed; Ray's calls may not come back


@contextmanager
def watching_head(place: str) -> Iterator[None]:
    """Interrupt what is done within when the head does not answer for a while.

    Args:
        place: where the head is, for the message.

    Raises:
        WorkFailed: the head is gone.
    """
    address = ray.get_runtime_context().gcs_address
    lost, over = threading.Event(), threading.Event()
    message = f"the head of the Ray cluster {place} is gone; start one again, then resume the study"

    def watch() -> None:
        last_answer = time.monotonic()
        while not over.wait(CHECK_S):
            if _answers(address):
                last_answer = time.monotonic()
            elif time.monotonic() - last_answer > PATIENCE_S:
                lost.set()
                _thread.interrupt_main()
                time.sleep(GRACE_S)
                print(f"failed: {message}", file=sys.stderr, flush=True)
                os._exit(1)

    threading.Thread(target=watch, name="head-watch", daemon=True).start()
    try:
        yield
    except BaseException as error:
        if lost.is_set():
            raise WorkFailed(message) from error
        raise
    finally:
        if not lost.is_set():  # else Ray's own end is watched too
            over.set()


def _answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CHECK_S).close()
    except OSError:
        return False
    return True
