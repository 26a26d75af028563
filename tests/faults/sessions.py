"""A study that faults befall, and the drivers that work on it one after the other."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import psutil

from tests.faults.memories import LedgerTrial, read_ledger
from tests.search.command_line import COMMAND, environment, study_toml

NAME = "mine"
MARK = "FAULTS_STUDY"  # environment variable by which the processes of one study are known
LONG_S = 600.0  # for a machine that has other work

# Eight candidates in a fixed order, one after the other, none stopped early.
N_TRIALS = 8
TABLES = {
    "space": (
        'depth = [2, 3]\nn_reservoirs = 1\ninterleaving = ["bottom", "top"]\ndecoder_depth = 1\n'
        '[space.hyper]\n"train.lr" = [4e-3, 5e-3]'
    ),
    "model": "d_model = 16\nffn = 32\nheads = 2\ndropout = 0.0",
    "budget": "updates = 160",
    "search": f'algorithm = "grid"\nn_trials = {N_TRIALS}\nn_concurrent = 1',
    "scheduler": 'name = "none"',
}


class Stuck(Exception):
    """Error: what must happen did not, for a very long time."""


@dataclass(slots=True, kw_only=True)
class StudyUnderTest:
    """A working folder with one study, on a disk that can be filled, and its logs elsewhere.

    Faults may change the name of either folder.
    """

    disk: Path
    data: Path
    logs: Path
    name: str = NAME
    mark: str = field(default_factory=lambda: uuid4().hex)

    @classmethod
    def make(cls, disk: Path, data: Path, logs: Path) -> StudyUnderTest:
        """An empty working folder, with a copy of the data that faults may take away."""
        place, logs = disk / uuid4().hex[:8], logs / uuid4().hex[:8]
        place.mkdir(parents=True)
        logs.mkdir(parents=True)
        shutil.copytree(data, logs / "data")
        found = cls(disk=place, data=logs / "data", logs=logs)
        (place / f"{NAME}.toml").write_text(study_toml(found.data, **TABLES))
        return found

    @property
    def folder(self) -> Path:
        return self.disk / "studies" / self.name

    @property
    def old_mlflow(self) -> Path:
        """A copy of MLflow's store from before the last session."""
        return self.logs / "mlflow.db"

    def ledger(self) -> dict[int, LedgerTrial]:
        return read_ledger(self.folder / "trials.jsonl")

    def running(self) -> LedgerTrial | None:
        """The trial that had begun and not ended."""
        return next((trial for trial in self.ledger().values() if not trial.has_ended), None)

    def start(self) -> Session:
        """Start a driver: of a new study where there is none yet."""
        is_new = not self.folder.exists()
        return self.command(*(("run", f"{NAME}.toml") if is_new else ("resume", self.name)))

    def command(self, *arguments: str) -> Session:
        """Start a command in a process group of its own."""
        log = self.logs / f"{len(list(self.logs.glob('*.log'))):03d}-{arguments[0]}.log"
        with log.open("w") as stderr, log.with_suffix(".out").open("w") as stdout:
            driver = subprocess.Popen(
                [*COMMAND, *arguments],
                cwd=self.disk,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                env=environment(OMP_NUM_THREADS="1", **{MARK: self.mark}),
                start_new_session=True,
                text=True,
            )
        return Session(driver=driver, log=log)

    def processes(self) -> set[psutil.Process]:
        """All that drivers of this study have started and that still lives.

        Ray's workers write their titles over their environment, so they count as children.
        """
        found: set[psutil.Process] = set()
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get(MARK) == self.mark:
                    found |= {process, *process.children(recursive=True)}
        return found

    def kill_all(self) -> None:
        """Kill every process of the study, as a power cut does."""
        deadline = time.monotonic() + LONG_S
        while left := self.processes():  # one may have started another meanwhile
            for process in left:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            if time.monotonic() > deadline:
                raise Stuck(f"processes that cannot be killed: {left}")
            time.sleep(0.05)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A line that a driver logged about a trial."""

    time: float  # seconds of the wall clock
    trial: int
    state: str
    update: int | None  # None before the first validation


_EVENT = re.compile(r"(\S+ \S+) trial=(\d+) state=(\w+)(?: update=(\d+))?")


@dataclass(slots=True, kw_only=True)
class Session:
    """A driver at work, or another command, with what it has said."""

    driver: subprocess.Popen[str]
    log: Path
    started: float = field(default_factory=time.monotonic)
    started_at: float = field(default_factory=time.time)

    @property
    def command(self) -> str:
        return self.log.stem.partition("-")[2]

    @property
    def lines(self) -> list[str]:
        """Lines on stderr so far."""
        return self.log.read_text(errors="replace").splitlines()

    @property
    def output(self) -> list[str]:
        """Lines on stdout so far."""
        return self.log.with_suffix(".out").read_text(errors="replace").splitlines()

    def events(self, since: int = 0) -> list[Event]:
        """Trials' events in the lines from this one on."""
        return [
            Event(
                time=datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S,%f").timestamp(),
                trial=int(found[2]),
                state=found[3],
                update=None if found[4] is None else int(found[4]),
            )
            for line in self.lines[since:]
            if (found := _EVENT.match(line))
        ]

    def new_points(self) -> list[Event]:
        """Points that were reached here; a trial's first event says where it stood."""
        events = self.events()
        firsts = {event.trial: number for number, event in reversed(list(enumerate(events)))}
        return [
            event
            for number, event in enumerate(events)
            if number != firsts[event.trial] and event.update is not None
        ]

    @property
    def is_over(self) -> bool:
        return self.driver.poll() is not None

    def end(self, timeout_s: float = LONG_S) -> int:
        """Exit code.

        Raises:
            Stuck: the command does not end.
        """
        try:
            return self.driver.wait(timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            raise Stuck(f"{self.command} has not ended after {timeout_s:.0f} s") from error

    def wait_for(self, condition: Callable[[], object], timeout_s: float = LONG_S) -> bool:
        """True once the condition holds, False where the command ends before.

        Raises:
            Stuck: neither happens.
        """
        deadline = time.monotonic() + timeout_s
        while not condition():
            if self.is_over:
                return False
            if time.monotonic() > deadline:
                raise Stuck(f"{self.command} does nothing for {timeout_s:.0f} s")
            time.sleep(0.02)
        return True

    def trains(self) -> bool:
        """True once a trial is under way in this session."""
        return any(" state=running" in line for line in self.lines)

    def signal(self, number: signal.Signals, *, group: bool = False) -> None:
        with contextlib.suppress(ProcessLookupError):
            (os.killpg if group else os.kill)(self.driver.pid, number)

    def ray(self, named: str) -> list[psutil.Process]:
        """Processes of the driver's Ray that have the text in their name or command line."""
        found = []
        with contextlib.suppress(psutil.Error):
            for process in psutil.Process(self.driver.pid).children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    if named in " ".join([process.name(), *process.cmdline()]):
                        found.append(process)
        return found
