"""Ctrl-C while the main thread is in a call that never returns."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from search.run.interrupts import GRACE_S, INTERRUPTED

# Locking a pthread mutex twice blocks for ever, signals or not, as some calls of Ray do.
BLOCKED = """
import ctypes, signal
from search.run.interrupts import end_at_second_interrupt
end_at_second_interrupt()
signal.signal(signal.SIGINT, lambda *_: None)  # one that comes before the lock ends nothing
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
    return process


def interrupt(process: subprocess.Popen[str]) -> None:
    """Send SIGINT and wait until it has arrived: two that are pending at once are one."""
    process.send_signal(signal.SIGINT)
    status = Path(f"/proc/{process.pid}/status")
    while any(
        int(line.split()[1], 16) & 1 << (signal.SIGINT - 1)
        for line in status.read_text().splitlines()
        if line.startswith(("SigPnd", "ShdPnd"))
    ):
        time.sleep(0.01)


def test_a_second_interrupt_ends_a_process_that_is_blocked_at_the_first():
    with blocked_process() as process:
        interrupt(process)
        time.sleep(0.5)
        assert process.poll() is None
        interrupt(process)
        _, stderr = process.communicate(timeout=GRACE_S + 60)  # the machine may be busy
    assert process.returncode == INTERRUPTED
    assert stderr == "interrupted\n"
    assert GRACE_S < 10


def test_one_interrupt_and_other_signals_do_not_end_it():
    with blocked_process() as process:
        interrupt(process)
        process.send_signal(signal.SIGWINCH)
        time.sleep(GRACE_S + 1)
        assert process.poll() is None
        process.kill()
