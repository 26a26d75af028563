from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainable.atomic import (
    append_line,
    atomic_file,
    atomic_folder,
    leftovers,
    write_atomically,
)
from trainable.processes import name_of_ours
from trainable.users_folder import scratch_folder, users_folder


class Interrupted(BaseException):
    """Interruption that is no Exception, like KeyboardInterrupt."""


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of files and folders that are synced or renamed, in order."""
    events: list[str] = []
    fsync, rename = os.fsync, os.rename

    def noted_fsync(descriptor: int) -> None:
        events.append(f"sync {Path(f'/proc/self/fd/{descriptor}').readlink().name}")
        fsync(descriptor)

    def noted_rename(source: Path, target: Path) -> None:
        events.append(f"rename to {Path(target).name}")
        rename(source, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "rename", noted_rename)
    monkeypatch.setattr(os, "replace", noted_rename)
    return events


def building(name: str, events: list[str]) -> str:
    """Temporary name of the file or folder ``name``."""
    (found,) = {event.removeprefix("sync ") for event in events if f".{name}.building-" in event}
    return found


@contextlib.contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def test_a_file_reaches_the_disk_before_its_name_and_its_name_before_it_counts_as_written(
    tmp_path: Path, disk: list[str]
):
    write_atomically(tmp_path / "a.json", "new")
    temporary = building("a.json", disk)
    assert disk == [f"sync {temporary}", "rename to a.json", f"sync {tmp_path.name}"]


def test_a_folder_reaches_the_disk_with_all_its_files_before_its_name(
    tmp_path: Path, disk: list[str]
):
    with atomic_folder(tmp_path / "parent" / "a") as folder:
        (folder / "below").mkdir()
        (folder / "below" / "deep.txt").write_text("deep")
        (folder / "flat.txt").write_text("flat")
    temporary = building("a", disk)
    assert disk == [
        f"sync {tmp_path.name}",  # the parent that was made
        "sync deep.txt",
        "sync below",
        "sync flat.txt",
        f"sync {temporary}",
        "rename to a",
        "sync parent",
    ]


def test_a_line_reaches_the_disk_and_so_does_the_name_of_a_new_file(
    tmp_path: Path, disk: list[str]
):
    append_line(tmp_path / "lines", b"one")
    append_line(tmp_path / "lines", b"two")
    assert disk == ["sync lines", f"sync {tmp_path.name}", "sync lines"]
    assert (tmp_path / "lines").read_bytes() == b"one\ntwo\n"


def test_a_file_that_cannot_be_finished_stays_as_it_was(tmp_path: Path):
    path = tmp_path / "a"
    write_atomically(path, b"old")

    def write_half() -> None:
        with atomic_file(path) as temporary:
            temporary.write_bytes(b"ne")
            raise Interrupted

    with pytest.raises(Interrupted):
        write_half()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_brought_to_the_disk_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "a"
    write_atomically(path, b"old")

    def full(_: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["folder", "absent/new"])
def test_a_fault_of_the_disk_names_the_path_that_was_asked_for(tmp_path: Path, name: str):
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match=r"^\[") as fault:
        write_atomically(tmp_path / name, "new")
    assert fault.value.filename == str(tmp_path / name)


def test_a_folder_that_cannot_be_finished_never_appears(tmp_path: Path):
    def write_half() -> None:
        with atomic_folder(tmp_path / "a") as folder:
            (folder / "half").write_text("half")
            assert not (tmp_path / "a").exists()
            raise Interrupted

    with pytest.raises(Interrupted):
        write_half()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("taken", ["file", "folder"])
def test_a_folder_takes_no_ones_place(tmp_path: Path, taken: str):
    place = tmp_path / "a"
    mine = place / "mine" if taken == "folder" else place
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("mine")
    with pytest.raises(OSError), atomic_folder(place) as folder:  # noqa: PT011 - of two kinds
        (folder / "other").write_text("other")
    assert mine.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [place]


def test_a_reader_never_sees_half_a_file(tmp_path: Path):
    path, contents = tmp_path / "a", {bytes([byte]) * 100_000 for byte in (1, 2)}
    write_atomically(path, min(contents))
    seen: set[bytes] = set()
    is_over = threading.Event()

    def read() -> None:
        while not is_over.is_set():
            seen.add(path.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(50):
        for content in contents:
            write_atomically(path, content)
    is_over.set()
    reader.join()
    assert seen <= contents


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_permissions_are_those_that_the_umask_leaves(tmp_path: Path, mask: int):
    with umask(mask):
        write_atomically(tmp_path / "file", "")
        append_line(tmp_path / "lines", b"")
        with atomic_folder(tmp_path / "folder"):
            pass
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes == {"file": 0o666 & ~mask, "lines": 0o666 & ~mask, "folder": 0o777 & ~mask}


def test_a_line_behind_one_that_a_crash_cut_short_stands_alone(tmp_path: Path):
    path = tmp_path / "lines"
    path.write_bytes(b"whole\nha")
    append_line(path, b"next")
    assert path.read_bytes() == b"whole\nha\nnext\n"


def test_of_a_line_that_a_full_disk_cuts_short_nothing_stays(tmp_path: Path):
    path, limit = tmp_path / "lines", resource.getrlimit(resource.RLIMIT_FSIZE)
    append_line(path, b"whole")
    # No file may grow beyond that: a write of more stops in the middle, as on a full disk.
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limit[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            append_line(path, b"x" * 200)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert path.read_bytes() == b"whole\n"


def test_what_a_killed_writer_leaves_is_recognised_and_nothing_else(tmp_path: Path):
    for name in ("building-1", "mine.building-1", ".hidden"):
        (tmp_path / name).write_text("mine")
    (tmp_path / ".building-abc").mkdir()  # as earlier versions called it
    program = f"""
import os, signal
from pathlib import Path
from trainable.atomic import atomic_folder, atomic_file
with atomic_folder(Path({str(tmp_path)!r}, "a")), atomic_file(Path({str(tmp_path)!r}, "b")) as file:
    file.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", program], check=False)
    left = [path.name.rpartition("-")[0] for path in leftovers(tmp_path)]
    assert left == [".a.building", ".b.building", ".building"]
    with atomic_file(tmp_path / "c") as mine:  # the next write cleans up, whatever its name
        mine.write_text("whole")
        assert [path.name for path in leftovers(tmp_path)] == [".building-abc", mine.name]


def test_what_another_machine_or_a_living_process_builds_stays(tmp_path: Path):
    elsewhere = f".a.building-00000000_{os.getpid()}_00000000"
    of_sqlite = f".b.building-{name_of_ours()}-journal"
    for name in (elsewhere, of_sqlite):
        (tmp_path / name).write_text("half")
    write_atomically(tmp_path / "c", "whole")
    assert [path.name for path in leftovers(tmp_path)] == [elsewhere, of_sqlite]


def test_scratch_folders_of_dead_processes_are_removed_with_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("trainable.users_folder._TMP", tmp_path)
    with subprocess.Popen(["true"]) as process:
        dead = process.pid
    (left := users_folder() / f"scratch-{name_of_ours()}").mkdir()
    left = left.rename(str(left).replace(f"_{os.getpid()}_", f"_{dead}_"))
    with scratch_folder() as folder, scratch_folder() as other:
        assert folder.stat().st_mode & 0o077 == 0
        assert sorted(users_folder().iterdir()) == sorted([folder, other])
    assert not list(users_folder().iterdir())


def test_a_folder_is_replaced_by_a_whole_one_and_stays_without(tmp_path: Path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "old").touch()
    with pytest.raises(Interrupted), atomic_folder(folder, replaces=True):
        raise Interrupted
    assert [path.name for path in folder.iterdir()] == ["old"]
    with atomic_folder(folder, replaces=True) as building:
        (building / "new").touch()
    assert [path.name for path in folder.iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
