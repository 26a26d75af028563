"""A study of a cluster, brought to this machine."""

from __future__ import annotations

import shlex
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ray.job_submission import JobSubmissionClient

from search.cluster.job import dashboard, end_as, submit_job, submitted
from search.cluster.job_command import JobCommand, in_folder
from search.cluster.packed_study import PARTS, RECORDS, require_replaceable, unpack
from search.cluster.ray_address import ray_errors_as_user_errors
from search.study.console import doing, say
from search.study.folder import STUDIES, StudyFolder
from spaces.errors import UserError
from trainable.atomic import atomic_folder
from trainable.users_folder import scratch_folder

_POLL_S = 1.0


@dataclass(frozen=True, slots=True)
class FetchedRecords(StudyFolder):
    """Folder of a study's records here, while the study is on a cluster."""

    @property
    def argument(self) -> str:
        return shlex.quote(self.path.name)


@contextmanager
def fetched_records(study: str, *, address: str, folder: str) -> Iterator[FetchedRecords]:
    """A study's records in a folder that goes with the block; arguments as of ``fetch_study``.

    Raises:
        UserError: the cluster or the study is not there.
        WorkFailed: the records did not come back whole.
    """
    with scratch_folder() as scratch:
        target = scratch / Path(study).name
        _fetch(study, RECORDS, target, address=address, folder=folder)
        yield FetchedRecords(target)


def fetch_study(study: str, *, address: str, folder: str, out: Path | None) -> Path:
    """Bring a study's records, report and exports here; gives their folder.

    An earlier fetch of the study is replaced, unless something was trained in its folder since.

    Args:
        study: its name or folder on the cluster.
        address: URL of the cluster's dashboard, http://HOST:8265.
        folder: folder on the cluster's head that holds data and studies.
        out: the folder here; studies/NAME if None.

    Raises:
        UserError: the folder holds something else, or the cluster or the study is not there.
        WorkFailed: the study did not come back whole.
    """
    target = out or STUDIES / Path(study).name
    require_replaceable(target)
    _fetch(study, PARTS, target, address=address, folder=folder)
    return target


def fetch_export(
    study: str, options: Sequence[str], *, address: str, folder: str, out: Path | None
) -> Path:
    """Export a layout where the study is, and bring the export here; gives its new folder.

    Args:
        study: its name or folder on the cluster.
        options: of ``export`` there.
        address: URL of the cluster's dashboard, http://HOST:8265.
        folder: folder on the cluster's head that holds data and studies.
        out: the new folder here; NAME-export if None.

    Raises:
        UserError: the new folder exists, the cluster or the study is not there, or the study has
            an export there.
        WorkFailed: the export failed, or did not come back whole.
    """
    target = out or Path(f"{Path(study).name}-export")
    _require_free(target)
    command = JobCommand(words=("export", study, *options))
    submit_job(command, address=address, folder=folder)
    with scratch_folder() as scratch:
        _fetch(study, ["export"], scratch / "study", address=address, folder=folder)
        with atomic_folder(target) as building:
            shutil.copytree(scratch / "study" / "export", building, dirs_exist_ok=True)
    return target


def _require_free(target: Path) -> None:
    """Check, before anything is asked of the cluster, that the new folder is not there.

    Raises:
        UserError: it is.
    """
    if target.exists():
        raise UserError(f"{target} exists; move it away, or give another folder with --out")


def _fetch(study: str, parts: Sequence[str], target: Path, *, address: str, folder: str) -> None:
    client = dashboard(address)
    words = shlex.join([study, *parts])
    line = in_folder(f"python -P -m search.cluster.packed_study {words}", folder)
    job = submitted(client, line, address=address)
    with ray_errors_as_user_errors(address), doing("waiting for the job that sends the study"):
        log = _log_at_end(client, job)
        ended = client.get_job_info(job)
    if ended.driver_exit_code != 0:
        say(log, end="")
    end_as(ended, job)
    unpack(log, target, origin=f"{address}, folder {folder}")


def _log_at_end(client: JobSubmissionClient, job: str) -> str:
    while not client.get_job_status(job).is_terminal():
        time.sleep(_POLL_S)
    log: str = client.get_job_logs(job)
    return log
