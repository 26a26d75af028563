"""Ctrl-C while the main thread is in a call that never returns."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

from search.run.interrupts import GRACE_S, INTERRUPTED

# Locking a pthread mutex twice blocks for ever, signals or not, as some calls of Ray do.
BLOCKED = """
import ctypes
from search.run.interrupts import end_at_second_interrupt
end_at_second_interrupt()
libc, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(64)
libc.pthread_mutex_lock(mutex)
print("blocked", flush=True)
libc.pthread_mutex_lock(mutex)
"""


def blocked_process() -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", BLOCKED], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "blocked\n"
    time.sleep(0.5)  # it prints before the call in which it blocks
    return process


def test_a_second_interrupt_ends_a_process_that_is_blocked_at_the_first():
    with blocked_process() as process:
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=GRACE_S + 2)  # and so below ten seconds
    assert process.returncode == INTERRUPTED
    assert stderr == "interrupted\n"


def test_one_interrupt_and_other_signals_do_not_end_it():
    with blocked_process() as process:
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGWINCH)
        time.sleep(GRACE_S + 1)
        assert process.poll() is None
        process.kill()
