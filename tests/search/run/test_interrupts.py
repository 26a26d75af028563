"""Ctrl-C while the main thread is in a call that never returns."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

from search.run.interrupts import GRACE_S, INTERRUPTED

# Locking a pthread mutex twice blocks for ever, signals or not, as some calls of Ray do.
DEAF = """
import ctypes
from search.run.interrupts import end_at_second_interrupt
end_at_second_interrupt()
libc, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(64)
libc.pthread_mutex_lock(mutex)
print("deaf", flush=True)
libc.pthread_mutex_lock(mutex)
"""


def deaf_process() -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", DEAF], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "deaf\n"
    return process


def test_a_second_interrupt_ends_a_process_that_does_not_hear_the_first():
    with deaf_process() as process:
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=GRACE_S + 2)  # and so below ten seconds
    assert process.returncode == INTERRUPTED
    assert told == "interrupted\n"


def test_one_interrupt_and_other_signals_do_not_end_it():
    with deaf_process() as process:
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGWINCH)
        time.sleep(GRACE_S + 1)
        assert process.poll() is None
        process.kill()
