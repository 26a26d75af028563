"""A reservoir-search command as a job on a Ray cluster: submitted, followed, its exit code kept."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from ray.job_submission import JobDetails, JobStatus, JobSubmissionClient

from search.cluster.job_command import JobCommand, entrypoint, hints
from search.cluster.job_environment import job_environment
from search.cluster.ray_address import ray_errors_as_user_errors, require_answer
from search.cluster.shipped_code import copy_code
from search.study.console import say
from search.study.errors import NOT_FINISHED, NotFinished, WorkFailed
from spaces.errors import UserError
from trainable.users_folder import scratch_folder

logger = logging.getLogger(__name__)

_RETRY_S = 10.0  # pause before following the log again after a lost connection


def submit_job(command: JobCommand, *, address: str, folder: str) -> None:
    """Run ``command`` as a job in ``folder`` on the cluster, and print its log until it ends.

    Our code is sent along, and so are a study file of this machine that the command names and
    the environment's variables of tracking and storage. After a training, lines say what to do
    next from this machine.

    Args:
        address: URL of the cluster's dashboard, http://HOST:8265.
        folder: folder on the cluster's head that holds data and studies.

    Raises:
        UserError: the cluster cannot be reached, or the command ended with exit code 2.
        WorkFailed: the command failed.
        NotFinished: the time of the command's ``--for`` ended it.
        KeyboardInterrupt: the job was stopped, or this process was interrupted while the job
            goes on.
    """
    client = dashboard(address)
    job = submitted(
        client,
        entrypoint(command, folder=folder),
        address=address,
        study_file=None if command.study_file is None else command.study_file.path,
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
    ended = client.get_job_info(job)
    is_finished = ended.status == JobStatus.SUCCEEDED
    if is_finished or ended.driver_exit_code == NOT_FINISHED:
        for line in hints(command, address=address, folder=folder, is_finished=is_finished):
            say(line)
    end_as(ended, job)


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
        NotFinished: exit code 75.
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
        case code if code == NOT_FINISHED:
            raise NotFinished(f"job {job}: the command's time is over, see above")
        case None:
            raise WorkFailed(f"job {job}: {' '.join(str(ended.message).split())}")
        case code:
            raise WorkFailed(f"job {job}: the command ended with exit code {code}, see above")
