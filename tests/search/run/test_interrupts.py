"""Ctrl-C while the main thread is in a call that never returns."""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from search.cli import exit_code
from search.run import interrupts
from search.run.interrupts import GRACE_S, INTERRUPTED, interrupt_by_signals, raise_no_more

# Locking a pthread mutex twice blocks for ever, signals or not, as some calls of Ray do.
BLOCKED = """
import ctypes, signal
from search.run.interrupts import interrupt_by_signals
interrupt_by_signals()
signal.signal(signal.SIGINT, lambda *_: None)  # one that comes before the lock ends nothing
libc, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(64)
libc.pthread_mutex_lock(mutex)
print("blocked", flush=True)
libc.pthread_mutex_lock(mutex)
"""


# The signal comes in the callback of a weak reference, whose errors go no further.
SWALLOWED = """
import os, signal, time, weakref
from search.run.interrupts import interrupt_by_signals

class Thing:
    pass

interrupt_by_signals()
thing = Thing()
reference = weakref.ref(thing, lambda _: os.kill(os.getpid(), signal.SIGINT))
try:
    del thing
    time.sleep(GRACE_S + 4)
except KeyboardInterrupt:
    time.sleep(GRACE_S + 1)  # it is one interruption, so that nothing ends the process
    print("closed")
""".replace("GRACE_S", str(GRACE_S))


def test_an_interrupt_that_falls_into_a_destructor_is_not_lost():
    done = subprocess.run(
        [sys.executable, "-c", SWALLOWED], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("closed\n", "", 0)


# Python destroys what modules hold after its own signal handlers.
LATE = """
import os, signal
from search.run.interrupts import interrupt_by_signals, raise_no_more

class Last:
    def __del__(self, kill=os.kill, pid=os.getpid(), number=signal.NUMBER):
        kill(pid, number)
        print("over", flush=True)

last = Last()
interrupt_by_signals()
raise_no_more()
"""


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
def test_a_signal_at_the_very_end_changes_no_exit_code(number: str):
    program = LATE.replace("NUMBER", number)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("over\n", "", 0)


# The signal comes while the command line is imported.
EARLY = """
import os, signal, sys
from search.__main__ import main

class Finder:
    def find_spec(self, name, *_):
        if name == "search.cli":
            os.kill(os.getpid(), signal.NUMBER)

sys.meta_path.insert(0, Finder())
main()
"""


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
def test_a_signal_while_the_command_line_is_imported_ends_it_without_a_word(number: str):
    done = subprocess.run(
        [sys.executable, "-c", EARLY.replace("NUMBER", number)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("", "")
    assert done.returncode == -getattr(signal, number)


@pytest.mark.usefixtures("signals_as_before")
def test_ctrl_c_is_an_interruption_again_once_a_command_begins():
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    interrupt_by_signals()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


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
        process.send_signal(signal.SIGTERM)
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


@pytest.fixture
def signals_as_before() -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM)
    handlers = {number: signal.getsignal(number) for number in numbers}
    hook = sys.unraisablehook
    yield
    atexit.unregister(interrupts._ignore_signals)
    sys.unraisablehook = hook
    signal.set_wakeup_fd(-1)
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("signals_as_before")
def test_sigterm_is_an_interruption_and_nothing_is_raised_while_the_process_exits(
    capsys: pytest.CaptureFixture[str],
):
    interrupt_by_signals()
    assert exit_code(lambda: os.kill(os.getpid(), signal.SIGTERM)) == INTERRUPTED
    assert capsys.readouterr().err == "interrupted\n"
    raise_no_more()
    for number in (signal.SIGINT, signal.SIGTERM):
        handler = signal.getsignal(number)
        assert callable(handler)
        handler(number, None)
