"""End of the process at a second Ctrl-C, even if its main thread is blocked."""

from __future__ import annotations

import os
import signal
import socket
import threading

from search.study.console import tell

INTERRUPTED = 130  # exit code: 128 + SIGINT, as shells count
GRACE_S = 8.0  # time for closing the records between the second Ctrl-C and the end


def end_at_second_interrupt() -> None:
    """Have the second SIGINT from now on end this process after ``GRACE_S``; call it once.

    The first SIGINT raises Python's usual KeyboardInterrupt, but only between two bytecodes of
    the main thread, which may be in a call of Ray that never returns. So Python's C handler
    writes each signal to a wake-up file descriptor at once, and another thread reads it.
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
    ending.daemon = True  # a process that ends by itself does not wait for the timer
    ending.start()


def _end() -> None:
    tell("interrupted")
    os._exit(INTERRUPTED)
