"""A command of ours as a job on a Ray cluster: sent there, followed, and ended as it ended."""

from __future__ import annotations

import asyncio
import logging
import shlex
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from ray.job_submission import JobDetails, JobStatus, JobSubmissionClient

from search.cluster.ray_address import joining, require_answer
from search.cluster.shipped_code import copy_code
from search.study.errors import WorkFailed
from spaces.errors import UserError

logger = logging.getLogger(__name__)

_TRAINING = ("run", "resume", "confirm", "reproduce")  # what takes a cluster's address
_AGAIN_S = 10.0  # until another try to follow the log, when the connection is lost


def submit_job(command: Sequence[str], *, address: str, folder: str) -> None:
    """Run ``command`` in ``folder`` of the cluster and print what it tells until it ends.

    Our code goes with it, and so does a study file of this machine that it names.

    Args:
        command: as behind ``reservoir-search`` on a command line.
        address: of the cluster's dashboard, http://HOST:8265.
        folder: where data and studies are.

    Raises:
        UserError: the cluster cannot be reached, or the command was not right.
        WorkFailed: the command failed.
        KeyboardInterrupt: the job was stopped; or we are, which the job does not notice.
    """
    client = _client(address)
    with tempfile.TemporaryDirectory(prefix="reservoir-search-") as package:
        copy_code(Path(package))
        study_file = _study_file(command)
        if study_file is not None:
            shutil.copyfile(study_file, Path(package) / study_file.name)
        with joining(address):
            job = client.submit_job(
                entrypoint=entrypoint(command, folder=folder),
                runtime_env={"working_dir": package},
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
    _end_as(client.get_job_info(job), job)


def entrypoint(command: Sequence[str], *, folder: str) -> str:
    """The shell's line that runs ``command``; it starts in the folder that was sent along."""
    study_file = _study_file(command)
    words = [
        f'"$here"/{shlex.quote(study_file.name)}'
        if study_file is not None and word == str(study_file)
        else shlex.quote(word)
        for word in command
    ]
    if command[0] in _TRAINING and not any(word.startswith("--address") for word in command):
        words += ["--address", "auto"]
    refusal = f"error: --folder {folder}: no such folder on the cluster's head; make it there"
    return "; ".join(
        [
            'here="$PWD"',
            # Without -P, Python would look for our packages in that folder first.
            f"if cd {shlex.quote(folder)} 2>/dev/null",
            f"then exec python -P -m search {' '.join(words)}",
            f"else echo {shlex.quote(refusal)} >&2",
            "exit 2",
            "fi",
        ]
    )


def _study_file(command: Sequence[str]) -> Path | None:
    """The study file of this machine that a ``run`` names."""
    if command[0] != "run":
        return None
    files = [Path(word) for word in command[1:] if word.endswith(".toml") and Path(word).is_file()]
    return files[0] if files else None


def _client(address: str) -> JobSubmissionClient:
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or parts.hostname is None:
        raise UserError(f"--address {address}: jobs go to Ray's dashboard; give http://HOST:8265")
    require_answer(address, parts.hostname, parts.port or 80)
    with joining(address):
        return JobSubmissionClient(address)


async def _follow(client: JobSubmissionClient, job: str) -> None:
    """Print the job's log until it ends, over as many connections as that takes."""
    n_told, is_over = 0, False
    while not is_over:
        n_seen = 0
        try:
            is_over = client.get_job_status(job).is_terminal()
            async for lines in client.tail_job_logs(job):  # each time from its beginning
                print(lines[max(0, n_told - n_seen) :], end="", flush=True)
                n_seen += len(lines)
                n_told = max(n_told, n_seen)
        except (RuntimeError, OSError) as error:
            is_over = False
            logger.warning("job %s: %s; trying again", job, " ".join(str(error).split()))
            await asyncio.sleep(_AGAIN_S)


def _end_as(ended: JobDetails, job: str) -> None:
    """End as the job's command did; what it said stands above."""
    if ended.status == JobStatus.STOPPED:
        raise KeyboardInterrupt
    if ended.status == JobStatus.SUCCEEDED:
        return
    match ended.driver_exit_code:
        case 130:
            raise KeyboardInterrupt
        case 2:
            raise UserError(f"job {job}: its command was not right, see above")
        case None:
            raise WorkFailed(f"job {job}: {' '.join(str(ended.message).split())}")
        case code:
            raise WorkFailed(f"job {job}: its command ended with {code}, see above")
