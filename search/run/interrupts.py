"""A second Ctrl-C ends the process, whatever its main thread waits for."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading

INTERRUPTED = 130  # exit code: 128 + SIGINT, as shells count
GRACE_S = 8.0  # from the second Ctrl-C to the end, for records to be closed


def end_at_second_interrupt() -> None:
    """From now on the second SIGINT ends this process after ``GRACE_S``; call it once.

    The first one is Python's usual KeyboardInterrupt. Python raises that between two steps of
    the main thread, which may be in a call of Ray that never returns. A wake-up file
    descriptor is written to as the signal arrives, and a thread of its own reads it.
    """
    reading, writing = socket.socketpair()
    writing.setblocking(False)
    signal.set_wakeup_fd(writing.detach(), warn_on_full_buffer=False)
    threading.Thread(target=_count, args=(reading,), name="interrupts", daemon=True).start()


def _count(signals: socket.socket) -> None:
    n_interrupts = 0
    while n_interrupts < 2:
        n_interrupts += signals.recv(1)[0] == signal.SIGINT
    ending = threading.Timer(GRACE_S, _end)
    ending.daemon = True  # a process that ends by itself need not wait
    ending.start()


def _end() -> None:
    print("interrupted", file=sys.stderr, flush=True)
    os._exit(INTERRUPTED)
