"""A reservoir-search command as a job on a Ray cluster: submitted, followed, its exit code kept."""

from __future__ import annotations

import asyncio
import logging
import shlex
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from ray.job_submission import JobDetails, JobStatus, JobSubmissionClient

from search.cluster.job_environment import job_environment
from search.cluster.ray_address import ray_errors_as_user_errors, require_answer
from search.cluster.shipped_code import copy_code
from search.study.config import study_values
from search.study.console import say
from search.study.errors import WorkFailed
from spaces.errors import UserError
from trainable.users_folder import scratch_folder

logger = logging.getLogger(__name__)

_TRAINING = ("run", "resume", "confirm", "reproduce")  # commands with the option --address
_RETRY_S = 10.0  # pause before following the log again after a lost connection


def submit_job(command: Sequence[str], *, address: str, folder: str) -> None:
    """Run ``command`` as a job in ``folder`` on the cluster, and print its log until it ends.

    Our code is sent along, and so are a study file of this machine that the command names and
    the environment's variables of tracking and storage.

    Args:
        command: the words behind ``reservoir-search`` on a command line.
        address: URL of the cluster's dashboard, http://HOST:8265.
        folder: folder on the cluster's head that holds data and studies.

    Raises:
        UserError: the cluster cannot be reached, or the command ended with exit code 2.
        WorkFailed: the command failed.
        KeyboardInterrupt: the job was stopped, or this process was interrupted while the job
            goes on.
    """
    client = dashboard(address)
    job = submitted(
        client,
        entrypoint(command, folder=folder),
        address=address,
        study_file=_study_file(command),
        environment=job_environment(),
    )
    logger.info("job %s on %s", job, address)
    try:
        asyncio.run(_follow(client, job))
    except KeyboardInterrupt:
        logger.warning(
            "the job goes on; follow it: ray job logs --follow --address %s %s; stop it: "
            "ray job stop --address %s %s",
            *(address, job, address, job),
        )
        raise
    end_as(client.get_job_info(job), job)
    for line in hints(command, address=address, folder=folder):
        say(line)


def submitted(
    client: JobSubmissionClient,
    line: str,
    *,
    address: str,
    study_file: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Id of a new job that runs the shell's ``line`` beside our code and a study file.

    Raises:
        UserError: the cluster cannot be reached.
    """
    with scratch_folder() as package:
        copy_code(package)
        if study_file is not None:
            shutil.copyfile(study_file, package / study_file.name)
        with ray_errors_as_user_errors(address):
            job: str = client.submit_job(
                entrypoint=line,
                runtime_env={"working_dir": str(package), "env_vars": dict(environment or {})},
            )
    return job


def hints(command: Sequence[str], *, address: str, folder: str) -> list[str]:
    """Lines on what to do next from this machine, after a search on the cluster."""
    study = _study_of(command)
    if study is None:
        return []
    place = f"--address {shlex.quote(address)} --folder {shlex.quote(folder)}"
    return [
        "\nOn the cluster these commands are; from this machine:",
        f"  export it there:  reservoir-search submit {place} -- export {study}",
        f"  bring it here:    reservoir-search fetch {study} {place}",
    ]


def _study_of(command: Sequence[str]) -> str | None:
    """Name of the study that a ``run`` or ``resume`` works on, quoted for a shell."""
    words = [word for word in command[1:] if not word.startswith("-") and "=" not in word]
    if command[0] not in ("run", "resume") or not words:
        return None
    file = _study_file(command)
    name = str(study_values(file)["name"]) if file is not None else Path(words[0]).stem
    given = [word.removeprefix("name=") for word in command if word.startswith("name=")]
    return shlex.quote(given[-1] if given else name)


def entrypoint(command: Sequence[str], *, folder: str) -> str:
    """Shell line that runs ``command`` in ``folder``; the shell starts in the job's own folder.

    The job's own folder holds the code and the study file that were sent along.
    """
    study_file = _study_file(command)
    words = [
        f'"$here"/{shlex.quote(study_file.name)}'
        if study_file is not None and word == str(study_file)
        else shlex.quote(word)
        for word in command
    ]
    if command[0] in _TRAINING and not any(word.startswith("--address") for word in command):
        words += ["--address", "auto"]
    return in_folder(f"python -P -m search {' '.join(words)}", folder)


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


def _study_file(command: Sequence[str]) -> Path | None:
    """Study file of this machine that a ``run`` command names, if any."""
    if command[0] != "run":
        return None
    files = [Path(word) for word in command[1:] if word.endswith(".toml") and Path(word).is_file()]
    return files[0] if files else None


def dashboard(address: str) -> JobSubmissionClient:
    """Client of the cluster's dashboard.

    Raises:
        UserError: it is no address of a dashboard, or nothing answers there.
    """
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or parts.hostname is None:
        raise UserError(f"--address {address}: jobs go to Ray's dashboard; give http://HOST:8265")
    require_answer(address, parts.hostname, parts.port or 80)
    with ray_errors_as_user_errors(address):
        return JobSubmissionClient(address)


async def _follow(client: JobSubmissionClient, job: str) -> None:
    """Print the job's log until the job ends; a lost connection is made again."""
    n_printed, is_over = 0, False
    while not is_over:
        n_seen = 0
        try:
            is_over = client.get_job_status(job).is_terminal()
            async for lines in client.tail_job_logs(job):  # each call starts at the log's beginning
                say(lines[max(0, n_printed - n_seen) :], end="")
                n_seen += len(lines)
                n_printed = max(n_printed, n_seen)
        except (RuntimeError, OSError) as error:
            is_over = False
            logger.warning("job %s: %s; trying again", job, " ".join(str(error).split()))
            await asyncio.sleep(_RETRY_S)


def end_as(ended: JobDetails, job: str) -> None:
    """Return if the job succeeded, else raise what its exit code stands for.

    Raises:
        UserError: exit code 2.
        WorkFailed: another exit code, or none because the job was lost.
        KeyboardInterrupt: exit code 130, or the job was stopped.
    """
    if ended.status == JobStatus.STOPPED:
        raise KeyboardInterrupt
    if ended.status == JobStatus.SUCCEEDED:
        return
    match ended.driver_exit_code:
        case 130:
            raise KeyboardInterrupt
        case 2:
            raise UserError(f"job {job}: the command was refused, see above")
        case None:
            raise WorkFailed(f"job {job}: {' '.join(str(ended.message).split())}")
        case code:
            raise WorkFailed(f"job {job}: the command ended with exit code {code}, see above")
