"""Faults at random moments of real studies, with a judge after each.

A study is run and resumed until its trials are done; each of its drivers meets faults, drawn
with their moments from a seed. Then the next study begins, until the time is over.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.faults import judge
from tests.faults.copies import examined, findings, remedy
from tests.faults.deck import Deck
from tests.faults.faults import FAULTS, Fault
from tests.faults.memories import (
    LedgerTrial,
    Memories,
    checkpointed_updates,
    read_memories,
    read_runs,
)
from tests.faults.sessions import N_TRIALS, Event, Session, StudyUnderTest

START_S, TRAIN_S = 12.0, 6.0  # moments of faults: while a driver starts, while it trains
IN_TRAINING = 0.7  # share of the faults that may come at any time
DISK = "size=48m"


class Violation(Exception):
    """Error: a promise was broken; the message says which, and how to try again."""


@dataclass(slots=True, kw_only=True)
class Strike:
    """A fault that struck, and what it cost."""

    fault: str
    log: str  # of the driver that it befell
    trial: int | None  # under way at that moment
    update: int  # that it had reached
    exit_code: int | None = None
    ended_after_s: float | None = None
    goes_on_after_s: float | None = None  # time that drivers took to the next new point
    lost_updates: int = 0
    remedy: str = "resume"


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What happened in a run of the harness."""

    seed: int
    seconds: float = 0.0
    n_studies: int = 0
    n_drivers: int = 0
    load: float = 0.0  # of the machine, over the last 15 minutes
    strikes: list[Strike] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Damaged:
    """A damage whose remedy is still to be found."""

    fault: Fault
    strike: Strike
    backup: Path  # the study's folder before it


class Harness:
    """Runs studies and lets faults befall them.

    Args:
        folder: for logs and, where no disk can be mounted, the studies.
        data: a prepared corpus.
        seed: of the faults and their moments; how fast the processes are, nobody can repeat.
        faults: those that may strike.
    """

    def __init__(
        self, folder: Path, data: Path, *, seed: int, faults: Sequence[Fault] = FAULTS
    ) -> None:
        self.outcome = Outcome(seed=seed)
        self._folder = folder
        self._data = data
        self._deck = Deck(faults, seed)
        self._n_moments = 0
        self._unbroken: Session
        self._reference: StudyUnderTest
        self._study: StudyUnderTest
        self._ended: dict[int, LedgerTrial] = {}  # outcomes that were once in the ledger
        self._standing: tuple[LedgerTrial, int] | None = None  # to go on, from this checkpoint
        self._waiting: list[Strike] = []  # after them the study has not gone on yet
        self._damaged: Damaged | None = None

    def run(self, minutes: float) -> Outcome:
        """Let faults befall studies until the time is over, and finish the last study.

        Raises:
            Violation: a promise was broken.
        """
        started = time.monotonic()
        deadline = started + 60 * minutes
        with _disk(self._folder / "disk") as disk:
            self._reference = self._study = self._made(self._folder / "unbroken")
            try:
                self._unbroken = self._reference.start()  # beside the first of the others
                while time.monotonic() < deadline:
                    self._study = self._made(disk)
                    self._befall(deadline)
                    self._finish()
                    shutil.rmtree(self._study.disk)
            except Violation:
                raise
            except Exception as error:
                raise self._violation([repr(error)]) from error
            finally:
                self._study.kill_all()
                self._reference.kill_all()
                self.outcome.seconds = time.monotonic() - started
                self.outcome.load = os.getloadavg()[2]
        return self.outcome

    def _made(self, place: Path) -> StudyUnderTest:
        self._ended, self._standing, self._waiting = {}, None, []
        return StudyUnderTest.make(place, self._data, self._folder / "logs")

    # Sessions with faults

    def _befall(self, deadline: float) -> None:
        """Start drivers and strike, until one of them ends the study or the time is over."""
        while time.monotonic() < deadline:
            session = self._start()
            codes = {0}
            while fault := self._next_fault(session):
                if not self._strikes(fault, session):
                    self._deck.put_back(fault)
                    continue
                codes |= {*fault.exit_codes}
                codes |= {-signal.SIGKILL} if fault.effect == "damages" else set()
                if fault.effect != "passes":
                    break
            if self._look(session, codes) == 0:
                return

    def _next_fault(self, session: Session) -> Fault | None:
        """Wait for the moment of the next fault; None where the driver ends before."""
        fault = self._deck.draw()
        self._n_moments += 1
        rng = random.Random(f"{self.outcome.seed} {self._n_moments}")
        in_training = not fault.anytime or rng.random() < IN_TRAINING
        after_s = rng.uniform(0, TRAIN_S if in_training else START_S)
        if not in_training or session.wait_for(session.trains):
            due = (time.monotonic() if in_training else session.started) + after_s
            if session.wait_for(lambda: time.monotonic() >= due):
                return fault
        self._deck.put_back(fault)
        return None

    def _strikes(self, fault: Fault, session: Session) -> bool:
        """Let the fault strike; False where there was nothing to strike."""
        rng = random.Random(f"{self.outcome.seed} {self._n_moments} {fault.name}")
        if fault.effect == "damages":
            return self._damage(fault, session, rng)
        trial, n_lines, at = self._study.running(), len(session.lines), time.monotonic()
        if not fault.strike(self._study, session, rng):
            return False
        strike = self._note(fault, session, trial)
        if fault.effect == "ends":
            strike.exit_code = session.end()
            strike.ended_after_s = time.monotonic() - at
            self._require(_wrong_end(fault, strike, session))
            if fault.is_told_at_once:
                self._require(judge.left_running(read_runs(self._study.folder)))
        elif session.wait_for(lambda: len(session.events(since=n_lines)) > 1):
            strike.goes_on_after_s = time.monotonic() - at
            self._waiting.remove(strike)
            self._require_no_lost_work(session.events(since=n_lines), trial)
        return True

    def _require_no_lost_work(self, events: list[Event], trial: LedgerTrial | None) -> None:
        """A trial goes on behind its last point, whose predecessor has a checkpoint."""
        if trial is not None:
            earlier = max(0, trial.updates - trial.interval)
            points = [event.update for event in events[1:] if event.trial == trial.id]
            self._require(judge.lost_work(trial, checkpointed=earlier, goes_on=points))

    def _note(self, fault: Fault, session: Session, trial: LedgerTrial | None) -> Strike:
        strike = Strike(
            fault=fault.name,
            log=session.log.name,
            trial=None if trial is None else trial.id,
            update=0 if trial is None else trial.updates,
        )
        self.outcome.strikes.append(strike)
        print(f"{len(self.outcome.strikes)}: {strike.fault} ({strike.log})", flush=True)
        self._waiting.append(strike)
        return strike

    # Damages and their remedies

    def _damage(self, fault: Fault, session: Session, rng: random.Random) -> bool:
        """End the driver as a power cut does, and damage what it leaves."""
        ledger = self._study.ledger().values()
        if not ledger or (fault.needs_ended and not any(t.has_ended for t in ledger)):
            return False
        self._study.kill_all()
        session.end()
        self._remember(session)
        backup = self._study.logs / "backup"
        shutil.rmtree(backup, ignore_errors=True)
        shutil.copytree(self._study.folder, backup)
        trial = self._study.running()
        if fault.strike(self._study, session, rng):
            strike = self._note(fault, session, trial)
            self._damaged = Damaged(fault=fault, strike=strike, backup=backup)
        return True

    def _start(self) -> Session:
        """A driver at work, or one that ended the study; after a damage, with what remedies it."""
        damaged, self._damaged = self._damaged, None
        if damaged is None:
            return self._driver()
        if damaged.fault.told_by == "doctor":
            self._refused(self._study.command("doctor", self._study.name))
            self._restore(damaged)
            return self._driver()
        session = self._driver(is_damaged=damaged.fault.told_by is not None)
        if session.wait_for(session.trains) or session.end() == 0:
            return session
        self._refused(session)
        if damaged.fault.told_by is None:
            self._require([f"resume refuses: {session.lines[-1]}"])
        self._refused(self._study.command("doctor", self._study.name))
        damaged.strike.remedy = "doctor --mend"
        mending = self._study.command("doctor", self._study.name, "--mend")
        if mending.end() == 0:
            session = self._driver()
            if session.wait_for(session.trains) or session.end() == 0:
                return session
            mending = session
        self._refused(mending)
        self._restore(damaged)
        return self._driver()

    def _restore(self, damaged: Damaged) -> None:
        damaged.strike.remedy = "a copy"
        shutil.rmtree(self._study.folder)
        shutil.copytree(damaged.backup, self._study.folder)

    def _refused(self, session: Session) -> None:
        code = session.end()
        faults = judge.misspoken(code, session.lines)
        self._require(faults if code in (1, 2) else [*faults, f"{session.log.name}: exit {code}"])

    def _driver(self, *, is_damaged: bool = False) -> Session:
        """Start a driver, after noting where the trial under way stands."""
        self.outcome.n_drivers += 1
        self._standing = None
        if not is_damaged and (trial := self._study.running()) is not None:
            storage = self._study.folder / "ray"
            self._standing = trial, checkpointed_updates(storage, trial.id)
        if [path.name for path in self._study.folder.glob("mlflow.db*")] == ["mlflow.db"]:
            shutil.copy(self._study.folder / "mlflow.db", self._study.old_mlflow)
        return self._study.start()

    # The judge

    def _look(self, session: Session, codes: set[int]) -> int:
        """Judge what a driver said and left; its exit code."""
        code = session.end()
        faults = judge.misspoken(code, session.lines)
        if code not in codes:
            faults.append(f"exit code {code}, not one of {sorted(codes)}")
        self._require(faults)
        if self._damaged is None and self._study.folder.exists():
            self._remember(session)
            faults, _ = examined(self._study.folder, repair=False)
            self._require([f"doctor: {fault}" for fault in faults])
        return code

    def _remember(self, session: Session) -> None:
        """Hold the ledger against what it was, and the trial's new points against its old ones."""
        ledger = self._study.ledger()
        self._require(
            judge.forgotten_outcomes(self._ended, ledger)
            + judge.trained_twice(ledger)
            + (
                judge.differences_from(self._reference.ledger(), ledger)
                if self._unbroken.is_over
                else []
            )
        )
        self._ended |= {id_: trial for id_, trial in ledger.items() if trial.has_ended}
        points = session.new_points()
        if self._standing is not None and points:
            (trial, done), self._standing = self._standing, None
            goes_on = [point.update for point in points if point.trial == trial.id]
            self._require(judge.lost_work(trial, checkpointed=done, goes_on=goes_on))
            for strike in self._waiting[:1]:
                strike.lost_updates = max(0, trial.updates - done)
        for strike in self._waiting if points else ():
            strike.goes_on_after_s = points[0].time - session.started_at
        self._waiting = [] if points else self._waiting

    def _finish(self) -> None:
        """Resume the study until it is over, then judge all of its memories."""
        session = self._start()
        self._look(session, {0})
        if any("MLflow does not have all results yet" in line for line in session.lines):
            self._look(self._driver(), {0})
        self._require_unbroken()
        memories = read_memories(self._study.folder)
        self._require(
            judge.unfinished(memories.ledger, N_TRIALS)
            + judge.disagreements(memories)
            + judge.wrong_weights(memories)
        )
        self._look(self._driver(), {0})  # safe to repeat
        self._require(judge.changed_records(memories.ledger, self._study.ledger()))
        self._require([f"doctor: {text}" for text in findings(self._study.folder, repair=False)])
        self.outcome.n_studies += 1
        self._damage_copies(session, memories)

    def _damage_copies(self, session: Session, memories: Memories) -> None:
        """Damage a copy of the finished study in each way, and have the doctor repair it."""
        for fault in [fault for fault in FAULTS if fault.effect == "damages"]:
            copy = replace(self._study, disk=self._study.disk.with_name("copy"))
            shutil.copytree(self._study.disk, copy.disk)
            rng = random.Random(f"{self.outcome.seed} {self.outcome.n_studies} {fault.name}")
            if fault.strike(copy, session, rng):
                strike = Strike(fault=fault.name, log="finished", trial=None, update=0)
                self.outcome.strikes.append(strike)
                strike.remedy, faults = remedy(copy.folder, memories)
                self._require([f"{fault.name}: {text}" for text in faults])
            shutil.rmtree(copy.disk)

    def _require_unbroken(self) -> None:
        """The study that nothing disturbs is over, and all is well with it."""
        code = self._unbroken.end()
        memories = read_memories(self._reference.folder)
        self._require(
            [
                f"of the unbroken study: {fault}"
                for fault in (
                    *([] if code == 0 else [f"exit code {code}"]),
                    *judge.misspoken(code, self._unbroken.lines),
                    *judge.unfinished(memories.ledger, N_TRIALS),
                    *judge.disagreements(memories),
                    *judge.wrong_weights(memories),
                )
            ]
        )
        self._require(judge.differences_from(memories.ledger, self._study.ledger()))

    def _require(self, faults: Sequence[str]) -> None:
        if faults:
            raise self._violation(faults)

    def _violation(self, faults: Sequence[str]) -> Violation:
        """The broken promises, with what led to them; the study is kept as it is."""
        self._study.kill_all()
        kept = self._folder / "violated"
        shutil.copytree(self._study.disk, kept, dirs_exist_ok=True)
        last = [
            f"  {strike.fault}: {strike.log}, trial {strike.trial}, update {strike.update}"
            for strike in self.outcome.strikes[-5:]
        ]
        return Violation(
            "\n".join(
                [
                    *faults,
                    f"seed {self.outcome.seed}, {len(self.outcome.strikes)} faults, the last:",
                    *last,
                    f"the study is kept in {kept}, its logs in {self._study.logs}",
                ]
            )
        )


def _wrong_end(fault: Fault, strike: Strike, session: Session) -> list[str]:
    """Violations of what the fault says of the end of a driver."""
    faults = []
    if strike.exit_code != 0 and fault.says not in "".join(session.lines[-1:]):
        faults.append(f"the last line is {session.lines[-1:]}, without '{fault.says}'")
    if (strike.ended_after_s or 0) > fault.within_s:
        faults.append(f"the driver ended only after {strike.ended_after_s:.0f} s")
    return faults


@contextmanager
def _disk(place: Path) -> Iterator[Path]:
    """A small disk of its own where that can be mounted, else a folder."""
    place.mkdir(parents=True)
    is_mounted = os.geteuid() == 0 and (
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", DISK, "tmpfs", str(place)], check=False
        ).returncode
        == 0
    )
    try:
        yield place
    finally:
        if is_mounted:
            subprocess.run(["umount", "--lazy", str(place)], check=True)
