"""A study of a cluster, brought to this machine."""

from __future__ import annotations

import shlex
import time
from pathlib import Path

from ray.job_submission import JobSubmissionClient

from search.cluster.job import dashboard, end_as, in_folder, submitted
from search.cluster.packed_study import unpack
from search.cluster.ray_address import ray_errors_as_user_errors
from search.study.console import say
from search.study.folder import STUDIES
from spaces.errors import UserError

_POLL_S = 1.0


def fetch_study(study: str, *, address: str, folder: str, out: Path | None) -> Path:
    """Bring a study's records, report and exports here; gives their new folder.

    Args:
        study: its name or folder on the cluster.
        address: URL of the cluster's dashboard, http://HOST:8265.
        folder: folder on the cluster's head that holds data and studies.
        out: the new folder here; studies/NAME if None.

    Raises:
        UserError: the new folder exists, or the cluster or the study is not there.
        WorkFailed: the study did not come back whole.
    """
    target = out or STUDIES / Path(study).name
    if target.exists():
        raise UserError(f"{target} exists; move it away, or give another folder with --out")
    client = dashboard(address)
    line = in_folder(f"python -P -m search.cluster.packed_study {shlex.quote(study)}", folder)
    job = submitted(client, line, address=address)
    with ray_errors_as_user_errors(address):
        log = _log_at_end(client, job)
        ended = client.get_job_info(job)
    if ended.driver_exit_code != 0:
        say(log, end="")
    end_as(ended, job)
    unpack(log, target)
    return target


def _log_at_end(client: JobSubmissionClient, job: str) -> str:
    while not client.get_job_status(job).is_terminal():
        time.sleep(_POLL_S)
    log: str = client.get_job_logs(job)
    return log
