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
from search.study.folder import StudyFolder, find_study
from spaces.errors import UserError
from trainable.atomic import atomic_folder

# Neither checkpoints nor MLflow's store: they stay with the cluster.
_OF_REPLICATES = ("study.toml", "resolved.json", "trials.jsonl", "lineup.json", "test")
RECORDS = (
    *_OF_REPLICATES,
    "optuna.log",
    *(f"confirm/{name}" for name in _OF_REPLICATES),
    *("export/scores.json", "export/layout.toml"),
)
PARTS = (*RECORDS, "report.html", "export", "reproduce", "tensorboard")
FETCHED = "fetched.txt"  # file in a fetched folder that says so
_MARK = "reservoir-search-study:"  # before the text, in a log that may have other lines


def packed(folder: Path, parts: Sequence[str]) -> str:
    """One line of text with those of the ``parts`` of a study that are there."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name in parts:
            if (folder / name).exists():
                tar.add(folder / name, arcname=name)
    return _MARK + base64.b64encode(archive.getvalue()).decode()


def is_fetched(folder: Path) -> bool:
    """True if ``folder`` holds what ``fetch`` brought, and nothing that was trained here."""
    allowed = {FETCHED, ".lock", *(part.partition("/")[0] for part in PARTS)}
    if not (folder / FETCHED).is_file() or any(
        path.name not in allowed for path in folder.iterdir()
    ):
        return False
    return StudyFolder(folder).place() != folder.resolve()  # ``resume`` notes the place


def unpack(log: str, target: Path, *, origin: str) -> None:
    """Make the folder ``target`` of the line that ``packed`` gave, whole or not at all.

    An earlier fetch of the same study is replaced.

    Args:
        origin: cluster and folder there, noted in the folder.

    Raises:
        UserError: another study was fetched there, or one that was continued here.
        WorkFailed: the log has no such line, or it is damaged.
    """
    line = next((line for line in log.splitlines() if line.startswith(_MARK)), None)
    if line is None:
        raise WorkFailed("the job sent no study back; its log is above")
    try:
        archive = io.BytesIO(base64.b64decode(line.removeprefix(_MARK), validate=True))
        with atomic_folder(target, replaces=True) as building:
            with tarfile.open(fileobj=archive, mode="r:gz") as tar:
                tar.extractall(building, filter="data")
            (building / FETCHED).write_text(f"Copy of a study on {origin}; fetch replaces it.\n")
            if target.exists():
                require_replaceable(target, by=building)
    except (ValueError, EOFError, zlib.error, tarfile.TarError) as error:
        raise WorkFailed(f"the study did not come back whole ({error}); try again") from error


def require_replaceable(target: Path, *, by: Path | None = None) -> None:
    """Check that a folder is free or an earlier fetch, of the study in ``by`` if that is given.

    Raises:
        UserError: it holds something else.
    """
    remedy = "move it away, or give another folder with --out"
    if target.exists() and not (target.is_dir() and is_fetched(target)):
        raise UserError(f"{target} exists and is not an earlier fetch alone; {remedy}")
    if by is not None and StudyFolder(target).id() != StudyFolder(by).id():
        raise UserError(f"{target} is a fetch of another study; {remedy}")


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
