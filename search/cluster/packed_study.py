"""A study's records, report and exports as text, which a job prints for ``fetch``."""

from __future__ import annotations

import base64
import io
import sys
import tarfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from search.study.console import tell, write
from search.study.errors import WorkFailed
from search.study.folder import find_study
from spaces.errors import UserError
from trainable.atomic import atomic_folder

# Neither checkpoints nor MLflow's store: they stay with the cluster.
RECORDS = ("study.toml", "resolved.json", "trials.jsonl", "optuna.log")
PARTS = (*RECORDS, "report.html", "export", "reproduce", "tensorboard")
_MARK = "reservoir-search-study:"  # before the text, in a log that may have other lines


def packed(folder: Path, parts: Sequence[str]) -> str:
    """One line of text with those of the ``parts`` of a study that are there."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name in parts:
            if (folder / name).exists():
                tar.add(folder / name, arcname=name)
    return _MARK + base64.b64encode(archive.getvalue()).decode()


def unpack(log: str, target: Path) -> None:
    """Make the folder ``target`` of the line that ``packed`` gave, whole or not at all.

    Raises:
        WorkFailed: the log has no such line, or it is damaged.
    """
    line = next((line for line in log.splitlines() if line.startswith(_MARK)), None)
    if line is None:
        raise WorkFailed("the job sent no study back; its log is above")
    try:
        archive = io.BytesIO(base64.b64decode(line.removeprefix(_MARK), validate=True))
        with atomic_folder(target) as building, tarfile.open(fileobj=archive, mode="r:gz") as tar:
            tar.extractall(building, filter="data")
    except (ValueError, EOFError, zlib.error, tarfile.TarError) as error:
        raise WorkFailed(f"the study did not come back whole ({error}); try again") from error


def main(name: str, parts: Sequence[str]) -> int:
    """Print the ``parts`` of the study called ``name``; the exit code."""
    try:
        write(packed(find_study(name).path, parts))
    except UserError as error:
        tell(f"error: {error}")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
