"""A command for a cluster as its own parser reads it, its shell line there, and what comes next."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

TRAINING = ("run", "resume", "confirm", "reproduce")  # commands with the option --address


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyFileHere:
    """A study file of this machine, which goes with the job."""

    word: str  # of the command, which names it
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCommand:
    """A command for a cluster."""

    words: tuple[str, ...]  # those behind ``reservoir-search`` on a command line
    study_file: StudyFileHere | None = None
    study: str | None = None  # name or folder of the study that it trains, if it does
    time: str | None = None  # of its option --for


def entrypoint(command: JobCommand, *, folder: str) -> str:
    """Shell line that runs ``command`` in ``folder``; the shell starts in the job's own folder.

    The job's own folder holds the code and the study file that were sent along.
    """
    name, *words = command.words
    line = [shlex.quote(name), *(_for_the_shell(word, command.study_file) for word in words)]
    if name in TRAINING and not any(word.startswith("--address") for word in words):
        line += ["--address", "auto"]
    return in_folder(f"python -P -m search {' '.join(line)}", folder)


def _for_the_shell(word: str, file: StudyFileHere | None) -> str:
    if file is not None and word == file.word:
        return f'"$here"/{shlex.quote(file.path.name)}'
    return shlex.quote(word)


def in_folder(line: str, folder: str) -> str:
    """Shell line that runs ``line`` in ``folder`` on the cluster's head, or says there is none."""
    refusal = f"error: --folder {folder}: no such folder on the cluster's head; make it there"
    return "; ".join(
        [
            'here="$PWD"',
            # Without python's -P, it would look for our packages in that folder first.
            f"if cd {shlex.quote(folder)} 2>/dev/null",
            f"then exec {line}",
            f"else echo {shlex.quote(refusal)} >&2",
            "exit 2",
            "fi",
        ]
    )


def hints(command: JobCommand, *, address: str, folder: str, is_finished: bool) -> list[str]:
    """Lines on what to do next from this machine, after ``command`` trained on the cluster.

    Args:
        is_finished: False if the time of ``--for`` ended it.
    """
    if command.study is None:
        return []
    study = shlex.quote(command.study)
    place = f"--address {shlex.quote(address)} --folder {shlex.quote(folder)}"
    lines = ["\nThe commands above are for the cluster's head; from this machine:"]
    if not is_finished:
        going_on = shlex.join(_continuation(command))
        lines.append(f"  go on:            reservoir-search submit {place} -- {going_on}")
    return [
        *lines,
        f"  look at it:       reservoir-search show {study} {place}",
        f"  as a page:        reservoir-search report {study} {place}",
        f"  on its MLflow server, if it has one: reservoir-search ui {study} {place}",
        f"  export it:        reservoir-search export {study} {place}",
        f"  bring it here:    reservoir-search fetch {study} {place}",
    ]


def _continuation(command: JobCommand) -> tuple[str, ...]:
    """Words of the command that goes on after the time of ``--for``; all but ``run`` repeat."""
    if command.words[0] != "run" or command.study is None:
        return command.words
    return ("resume", command.study, *(("--for", command.time) if command.time else ()))
