"""The faults: what happens to a study's processes, its disk and its files, and how it ends."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from tests.faults.sessions import LONG_S, Session, StudyUnderTest

Effect = Literal["ends", "passes", "damages"]
Strike = Callable[[StudyUnderTest, Session, random.Random], bool]
Damage = Callable[[StudyUnderTest, random.Random], bool]

TRIAL = "ResourceTrainable"  # in the title of a trial's process


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One kind of fault.

    Args:
        strike: makes it; False where there was nothing to strike.
        effect: of the fault on a driver; one that damages comes while no driver works.
        exit_codes: of a driver that the fault ends; the study may also be over before.
        anytime: also while the driver starts, not only while a trial trains.
        says: part of the last line of the driver that it ends.
        within_s: time until that end, at most.
        is_told_at_once: the driver that it ends leaves nothing as running in MLflow.
        told_by: the command that a damage must stop, unless no harm comes of it; where there
            is none, ``resume`` has to go on by itself.
        needs_ended: a trial must have ended before.
        in_short: part of the short run.
    """

    name: str
    strike: Strike
    effect: Effect
    exit_codes: tuple[int, ...] = ()
    anytime: bool = False
    says: str = ""
    within_s: float = LONG_S
    is_told_at_once: bool = False
    told_by: Literal["resume", "doctor"] | None = None
    needs_ended: bool = False
    in_short: bool = False


# Processes


def kill_driver(study: StudyUnderTest, session: Session, rng: random.Random) -> bool:
    session.signal(signal.SIGKILL)
    return True


def kill_everything(study: StudyUnderTest, session: Session, rng: random.Random) -> bool:
    study.kill_all()
    return True


def terminate(study: StudyUnderTest, session: Session, rng: random.Random) -> bool:
    session.signal(signal.SIGTERM)
    return True


def interrupt(study: StudyUnderTest, session: Session, rng: random.Random) -> bool:
    session.signal(signal.SIGINT)
    return True


def press_ctrl_c(study: StudyUnderTest, session: Session, rng: random.Random) -> bool:
    session.signal(signal.SIGINT, group=True)
    return True


def press_ctrl_c_twice(study: StudyUnderTest, session: Session, rng: random.Random) -> bool:
    session.signal(signal.SIGINT, group=True)
    time.sleep(rng.uniform(0, 1))
    session.signal(signal.SIGINT, group=True)
    return True


def kill_ray(named: str, *, with_workers: bool = False) -> Strike:
    """Kill a process of the driver's Ray, and its workers, which may live on for a while."""

    def strike(study: StudyUnderTest, session: Session, rng: random.Random) -> bool:
        victims = session.ray(named)[:1]
        workers = session.ray("ray::") if with_workers else []
        for process in [*victims, *workers]:
            with contextlib.suppress(psutil.Error):
                process.kill()
        return bool(victims)

    return strike


def stop(named: str | None) -> Strike:
    """Stop the driver, or a process of its Ray, for some seconds."""

    def strike(study: StudyUnderTest, session: Session, rng: random.Random) -> bool:
        chosen = [] if named is None else session.ray(named)[:1]
        victims = chosen if named is not None else [psutil.Process(session.driver.pid)]
        return _stopped(victims, rng.uniform(2, 6))

    return strike


def stop_everything(study: StudyUnderTest, session: Session, rng: random.Random) -> bool:
    """As a machine that sleeps."""
    return _stopped(list(study.processes()), rng.uniform(2, 6))


def _stopped(processes: list[psutil.Process], seconds: float) -> bool:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.suspend()
    time.sleep(seconds)
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.resume()
    return bool(processes)


# The disk and the data


def fill_disk(study: StudyUnderTest, session: Session, rng: random.Random) -> bool:
    """Fill the study's disk until the driver ends; then there is room again."""
    ballast = study.disk / "ballast"
    if not os.path.ismount(study.disk.parent):
        return False
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    try:
        session.end()
    finally:
        ballast.unlink()
    return True


def limit_file_size(study: StudyUnderTest, session: Session, rng: random.Random) -> bool:
    """The trial's process may not make a file as large as its weights, as under a quota."""
    processes = session.ray(TRIAL)
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.rlimit(psutil.RLIMIT_FSIZE, (4096, 4096))
    return bool(processes)


def take_data_away(study: StudyUnderTest, session: Session, rng: random.Random) -> bool:
    """The data folder is elsewhere until the driver ends, or for some seconds."""
    elsewhere = study.data.with_name("away")
    study.data.rename(elsewhere)
    deadline = time.monotonic() + rng.uniform(5, 20)
    try:
        session.wait_for(lambda: time.monotonic() > deadline)
    finally:
        elsewhere.rename(study.data)
    return True


# Files, while no driver works


def damaged(damage: Damage) -> Strike:
    """A fault of the files alone."""

    def strike(study: StudyUnderTest, session: Session, rng: random.Random) -> bool:
        return damage(study, rng)

    return strike


def tear_last_line(name: str) -> Damage:
    """Cut a file's last line short, as a power cut does."""

    def damage(study: StudyUnderTest, rng: random.Random) -> bool:
        path = study.folder / name
        content = path.read_bytes()
        n_last = len(content) - content.rstrip(b"\n").rfind(b"\n") - 1
        if b'"state": "completed"' in content[-n_last:]:
            return False  # a power cut tears no line that was brought to the disk
        # A line whose end of line alone is missing is whole.
        os.truncate(path, len(content) - rng.randint(min(2, n_last), n_last))
        return True

    return damage


def flip_byte(name: str) -> Damage:
    """Change one byte of a file, but of lines not the last, which a crash may tear."""

    def damage(study: StudyUnderTest, rng: random.Random) -> bool:
        _flip(study.folder / name, rng)
        return True

    return damage


def _flip(path: Path, rng: random.Random) -> None:
    content = bytearray(path.read_bytes())
    last = content.rstrip(b"\n").rfind(b"\n") if path.suffix in (".jsonl", ".log") else 0
    content[rng.randrange(last if last > 0 else len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


def remove_line(name: str) -> Damage:
    """Remove a line in the middle of a file."""

    def damage(study: StudyUnderTest, rng: random.Random) -> bool:
        path = study.folder / name
        lines = path.read_bytes().splitlines(keepends=True)
        if len(lines) < 3:
            return False
        del lines[rng.randrange(1, len(lines) - 1)]
        path.write_bytes(b"".join(lines))
        return True

    return damage


def forget_trial(study: StudyUnderTest, rng: random.Random) -> bool:
    """Remove all lines of one ended trial from ``trials.jsonl``."""
    path = study.folder / "trials.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    ended = [line.split(b",", 1)[0] for line in lines if b'"state": "completed"' in line]
    if not ended:
        return False
    chosen = rng.choice(ended) + b","
    path.write_bytes(b"".join(line for line in lines if chosen not in line))
    return True


def cut_newest_checkpoint(study: StudyUnderTest, rng: random.Random) -> bool:
    """Cut a file of the newest checkpoint of the trial that is under way."""
    newest = sorted(study.folder.glob("ray/session-*/trial-*/checkpoint_*/weights.safetensors"))[
        -1:
    ]
    for path in newest:
        os.truncate(path, rng.randrange(path.stat().st_size))
    return bool(newest)


def empty_kept_weights(study: StudyUnderTest, rng: random.Random) -> bool:
    """Empty one file of kept weights."""
    kept = _kept_weights(study)
    if kept:
        os.truncate(rng.choice(kept), 0)
    return bool(kept)


def flip_kept_weights(study: StudyUnderTest, rng: random.Random) -> bool:
    """Change one byte of one file of kept weights."""
    kept = _kept_weights(study)
    if kept:
        _flip(rng.choice(kept), rng)
    return bool(kept)


def _kept_weights(study: StudyUnderTest) -> list[Path]:
    """Best weights of ended trials; those of the trial under way are part of a checkpoint."""
    found = sorted(study.folder.glob("ray/session-*/trial-*/checkpoint_*/best.safetensors"))
    return [path for path in found if not path.with_name("weights.safetensors").exists()]


def lose_mlflow(study: StudyUnderTest, rng: random.Random) -> bool:
    """Remove MLflow's store."""
    stores = list(study.folder.glob("mlflow.db*"))  # with what a killed writer left
    for path in stores:
        path.unlink()
    return bool(stores)


def set_back_mlflow(study: StudyUnderTest, rng: random.Random) -> bool:
    """Replace MLflow's store by its copy from before the last session."""
    if not study.old_mlflow.exists():
        return False
    lose_mlflow(study, rng)
    shutil.copy(study.old_mlflow, study.folder / "mlflow.db")
    return True


def rename_study(study: StudyUnderTest, rng: random.Random) -> bool:
    """Give the study's folder another name."""
    before = study.folder
    study.name = f"study-{rng.randrange(10**6)}"
    before.rename(study.folder)
    return True


def move_working_folder(study: StudyUnderTest, rng: random.Random) -> bool:
    """Move the study with the folder that it was started in."""
    before = study.disk
    study.disk = before.with_name(f"place-{rng.randrange(10**6)}")
    before.rename(study.disk)
    return True


def replace_by_copy(study: StudyUnderTest, rng: random.Random) -> bool:
    """Put a copy of the study's folder into its place, as from a backup."""
    copy = study.folder.with_name("copy")
    shutil.copytree(study.folder, copy)
    shutil.rmtree(study.folder)
    copy.rename(study.folder)
    return True


FAULTS = (
    Fault(
        name="driver killed",
        strike=kill_driver,
        effect="ends",
        exit_codes=(-signal.SIGKILL,),
        anytime=True,
        in_short=True,
    ),
    Fault(
        name="driver and all of its Ray killed",
        strike=kill_everything,
        effect="ends",
        exit_codes=(-signal.SIGKILL,),
        anytime=True,
    ),
    Fault(
        name="driver terminated",
        strike=terminate,
        effect="ends",
        exit_codes=(130, -signal.SIGTERM),  # the latter before it has read its options
        anytime=True,
        in_short=True,
    ),
    Fault(
        name="driver interrupted",
        strike=interrupt,
        effect="ends",
        exit_codes=(130,),
        is_told_at_once=True,
        in_short=True,
    ),
    Fault(
        name="Ctrl-C at the terminal",
        strike=press_ctrl_c,
        effect="ends",
        exit_codes=(130,),
        is_told_at_once=True,
        in_short=True,
    ),
    Fault(
        name="Ctrl-C twice",
        strike=press_ctrl_c_twice,
        effect="ends",
        exit_codes=(130,),
        within_s=30,
    ),
    Fault(
        name="Ray's raylet killed, with its workers",
        strike=kill_ray("raylet/raylet", with_workers=True),
        effect="ends",
        exit_codes=(1,),
        says="Ray's raylet on this machine has died; resume the study",
        within_s=90,
        in_short=True,
    ),
    Fault(
        name="Ray's gcs_server killed",
        strike=kill_ray("gcs_server"),
        effect="ends",
        exit_codes=(1,),
        says="Ray's gcs_server on this machine has died; resume the study",
        within_s=90,
    ),
    Fault(
        name="the disk full",
        strike=fill_disk,
        effect="ends",
        exit_codes=(1,),
        says="No space left on device",
    ),
    Fault(
        name="the trial's process killed",
        strike=kill_ray(TRIAL),
        effect="passes",
        in_short=True,
    ),
    Fault(
        name="the driver stopped for seconds",
        strike=stop(None),
        effect="passes",
        in_short=True,
    ),
    Fault(
        name="the trial's process stopped for seconds",
        strike=stop(TRIAL),
        effect="passes",
    ),
    Fault(
        name="Ray's raylet stopped for seconds",
        strike=stop("raylet/raylet"),
        effect="passes",
    ),
    Fault(
        name="all processes stopped for seconds",
        strike=stop_everything,
        effect="passes",
    ),
    Fault(
        name="last line of trials.jsonl torn",
        strike=damaged(tear_last_line("trials.jsonl")),
        effect="damages",
        in_short=True,
    ),
    Fault(
        name="last line of optuna.log torn",
        strike=damaged(tear_last_line("optuna.log")),
        effect="damages",
    ),
    Fault(
        name="newest checkpoint cut",
        strike=damaged(cut_newest_checkpoint),
        effect="damages",
    ),
    Fault(
        name="the data folder away for seconds",
        strike=take_data_away,
        effect="passes",
        exit_codes=(1,),
    ),
    Fault(
        name="the trial's process may write no large file",
        strike=limit_file_size,
        effect="passes",
        exit_codes=(1,),
    ),
    Fault(
        name="a byte of trials.jsonl changed",
        strike=damaged(flip_byte("trials.jsonl")),
        effect="damages",
        told_by="resume",
    ),
    Fault(
        name="a trial's lines removed from trials.jsonl",
        strike=damaged(forget_trial),
        needs_ended=True,
        effect="damages",
        told_by="resume",
    ),
    Fault(
        name="a byte of optuna.log changed",
        strike=damaged(flip_byte("optuna.log")),
        effect="damages",
        told_by="resume",
    ),
    Fault(
        name="a line of optuna.log removed",
        strike=damaged(remove_line("optuna.log")),
        effect="damages",
        told_by="resume",
    ),
    Fault(
        name="a byte of mlflow.db changed",
        strike=damaged(flip_byte("mlflow.db")),
        effect="damages",
        told_by="resume",
    ),
    Fault(
        name="mlflow.db removed",
        strike=damaged(lose_mlflow),
        effect="damages",
        told_by="resume",
    ),
    Fault(
        name="mlflow.db set back to an older copy",
        strike=damaged(set_back_mlflow),
        effect="damages",
        told_by="resume",
    ),
    Fault(
        name="a byte of resolved.json changed",
        strike=damaged(flip_byte("resolved.json")),
        effect="damages",
        told_by="resume",
    ),
    Fault(
        name="a byte of kept weights changed",
        strike=damaged(flip_kept_weights),
        needs_ended=True,
        effect="damages",
        told_by="doctor",
    ),
    Fault(
        name="kept weights emptied",
        strike=damaged(empty_kept_weights),
        needs_ended=True,
        effect="damages",
        told_by="doctor",
    ),
    Fault(
        name="the study's folder renamed",
        strike=damaged(rename_study),
        effect="damages",
    ),
    Fault(
        name="the working folder moved",
        strike=damaged(move_working_folder),
        effect="damages",
    ),
    Fault(
        name="the study's folder replaced by a copy",
        strike=damaged(replace_by_copy),
        effect="damages",
    ),
)
