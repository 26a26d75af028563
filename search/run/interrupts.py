"""End of the process at Ctrl-C or SIGTERM, even if its main thread is blocked."""

from __future__ import annotations

import _thread
import atexit
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from functools import partial

from search.study.console import tell

INTERRUPTED = 130  # exit code: 128 + SIGINT, as shells count
GRACE_S = 8.0  # time for closing the records between the second signal and the end
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_AGAIN = 0  # no signal has this number
_PAUSE_S = 0.05  # until the main thread has left the destructor


def interrupt_by_signals() -> None:
    """Have SIGTERM do as SIGINT does, and the second of them end the process; call it once.

    The first raises Python's usual KeyboardInterrupt, but only between two bytecodes of the
    main thread, which may be in a call of Ray that never returns. So Python's C handler
    writes each signal to a wake-up file descriptor at once, and another thread reads it. It
    ends the process ``GRACE_S`` after the second.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # as set by search/__main__.py
        signal.signal(signal.SIGINT, signal.default_int_handler)
    reading, writing = socket.socketpair()
    writing.setblocking(False)
    descriptor = writing.detach()
    signal.set_wakeup_fd(descriptor, warn_on_full_buffer=False)
    # Before all others are registered, so that it is called after them.
    atexit.register(_ignore_signals)
    sys.unraisablehook = partial(_raise_again, sys.unraisablehook, descriptor)
    threading.Thread(target=_count, args=(reading,), name="interrupts", daemon=True).start()


def _raise_again(
    otherwise: Callable[[sys.UnraisableHookArgs], object],
    descriptor: int,
    args: sys.UnraisableHookArgs,
) -> None:
    """Have the counting thread repeat an interruption that a destructor swallowed.

    One that falls into ``__del__`` or the callback of a weak reference does not go further.
    """
    if isinstance(args.exc_value, KeyboardInterrupt):
        os.write(descriptor, bytes([_AGAIN]))
    else:
        otherwise(args)


def raise_no_more() -> None:
    """Let the process exit in peace: further signals are counted, but raise nothing."""
    for number in _SIGNALS:
        signal.signal(number, _do_nothing)


def _ignore_signals() -> None:
    """Ignore signals while Python dismantles itself, which sets our handlers back to the default.

    With torch that takes tenths of a second; a signal would give a finished command its code.
    """
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _do_nothing(*_: object) -> None:
    pass


def _count(signals: socket.socket) -> None:
    n_interrupts = 0
    while n_interrupts < 2:
        number = signals.recv(1)[0]
        if number == _AGAIN:
            n_interrupts -= 1  # it comes here a second time
            time.sleep(_PAUSE_S)
            _thread.interrupt_main()
        n_interrupts += number in _SIGNALS
    ending = threading.Timer(GRACE_S, _end)
    ending.daemon = True  # a process that ends by itself does not wait for the timer
    ending.start()


def _end() -> None:
    tell("interrupted")
    os._exit(INTERRUPTED)
