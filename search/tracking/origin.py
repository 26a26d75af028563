"""What MLflow's own columns tell of a run: who ran it, which code, on which data."""

from __future__ import annotations

import getpass
import subprocess
from functools import cache
from pathlib import Path

from mlflow.entities import Dataset, DatasetInput, InputTag
from mlflow.utils.mlflow_tags import (
    MLFLOW_DATASET_CONTEXT,
    MLFLOW_GIT_COMMIT,
    MLFLOW_SOURCE_NAME,
    MLFLOW_SOURCE_TYPE,
    MLFLOW_USER,
)

from search.study.trained_candidate import candidate_of
from search.study.trial_record import TrialRecord
from spaces.chooser import SpaceError
from spaces.errors import UserError
from spaces.space import SearchSpace
from trainable.data.manifest import Manifest

# Questions of a space whose answers are no numbers; ``depth`` and the like are parameters anyway.
_OF_A_STACK = ("interleaving", "share_learned", "share_reservoir", "reservoir_kind")
_AXES = (*_OF_A_STACK, *(f"decoder_{name}" for name in _OF_A_STACK))


def origin_tags() -> dict[str, str]:
    """Tags that fill MLflow's columns *User*, *Source* and *Version*."""
    tags = {MLFLOW_SOURCE_NAME: "reservoir-search", MLFLOW_SOURCE_TYPE: "LOCAL"}
    if user := _user():
        tags[MLFLOW_USER] = user
    if (commit := git_commit()) != "unknown":
        tags[MLFLOW_GIT_COMMIT] = commit
    return tags


def axes_of(record: TrialRecord, space: SearchSpace) -> dict[str, str]:
    """The trial's answers to the space's questions on order, sharing and kind.

    An answer that made no difference, such as the interleaving of no reservoirs, is absent.
    """
    try:
        point = space.encode(candidate_of(record.config, space))
    except SpaceError:  # a layout of search.first, or a baseline's
        return {}
    return {name: str(point[name]) for name in _AXES if name in point}


def dataset_input(data: str) -> DatasetInput | None:
    """The prepared data as an input of a run; None if they are gone."""
    try:
        manifest = Manifest.load(Path(data))
    except UserError:  # whoever trains on them says so
        return None
    dataset = Dataset(
        name=f"{manifest.corpus}, {manifest.subject}",
        digest=manifest.digest[:16],
        source_type="local",
        source=Path(data).name,  # its whole path would tell the owner's folders
    )
    return DatasetInput(dataset, [InputTag(MLFLOW_DATASET_CONTEXT, "training")])


@cache
def git_commit() -> str:
    """Git commit of the code that runs, or "unknown" outside a checkout."""
    git = subprocess.run(
        ["git", "rev-parse", "HEAD"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return git.stdout.strip() if git.returncode == 0 else "unknown"


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return None
