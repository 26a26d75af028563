"""A study's folder that was moved or copied: its place is noted, a copy gets its own id."""

from __future__ import annotations

import logging
from pathlib import Path

from pyarrow.fs import copy_files

from search.study.folder import StudyFolder, new_id
from search.study.storage import check_storage, storage_of
from spaces.errors import UserError

logger = logging.getLogger(__name__)


def settle_place(folder: StudyFolder) -> None:
    """Note the place of a study's folder; if it is a copy, give it an id of its own first.

    A folder is a copy if the place noted in it still holds the study it was made from.
    Call this before the folder is locked for other work.

    Raises:
        UserError: another driver holds the folder, or the storage of its checkpoints can't be
            reached.
    """
    if folder.place() == folder.path.resolve():
        return
    with folder.locked():
        before = folder.place()
        if before is not None and _is_copy(folder, before):
            _separate(folder)
            logger.warning(
                "%s: a copy of %s; it has an id of its own from here on, and runs of its own "
                "in MLflow",
                folder.path,
                before,
            )
            return
        if before is not None:
            logger.warning("%s: the study was moved here from %s", folder.path, before)
        folder.change(place=str(folder.path.resolve()))


def _is_copy(folder: StudyFolder, before: Path) -> bool:
    try:
        if StudyFolder(before).id() != folder.id():
            return False
    except UserError:  # no study is there any more
        return False
    return not before.samefile(folder.path)  # one folder can have several paths


def _separate(folder: StudyFolder) -> None:
    """Give a copy and its ``confirm`` new ids, and their checkpoints in a chosen storage."""
    for part in (folder.confirm, folder):  # the study's own last: until then it is a copy
        if part.resolved.is_file():
            id_ = new_id()
            _copy_checkpoints(part, id_)
            part.change(
                id=id_,
                former_ids=[part.id(), *part.former_ids()],
                place=str(part.path.resolve()),
            )


def _copy_checkpoints(folder: StudyFolder, id_: str) -> None:
    """Copy what a chosen storage holds of the study to the folder of the new id there."""
    config = folder.config()
    if config.storage.uri is None:
        return
    check_storage(config)
    before, after = storage_of(config, folder.id()), storage_of(config, id_)
    if before.folders():
        copy_files(
            before.path,
            after.path,
            source_filesystem=before.filesystem,
            destination_filesystem=after.filesystem,
        )
