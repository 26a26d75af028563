"""Storage of a study's checkpoints: a folder on a disk or in an object store.

pyarrow's file systems read and write both in the same way; Ray uses them too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from pyarrow.fs import FileInfo, FileSelector, FileSystem, FileType, LocalFileSystem

from search.study.config import StudyConfig
from search.study.folder import StudyFolder
from spaces.errors import UserError


@dataclass(frozen=True, slots=True)
class Storage:
    """A folder, by the address that Ray understands and as pyarrow reaches it."""

    uri: str  # an absolute path or a URL, its options behind a '?'
    filesystem: FileSystem
    path: str  # path within the file system

    @classmethod
    def at(cls, uri: str | Path) -> Storage:
        """The folder at an absolute path or a URL; it need not exist.

        Raises:
            ValueError: pyarrow has no file system for it.
        """
        filesystem, path = FileSystem.from_uri(str(uri))
        return cls(path if _is_local(filesystem) else str(uri), filesystem, path.rstrip("/"))

    @property
    def is_local(self) -> bool:
        """True if the folder is on a file system that is mounted on this machine."""
        return _is_local(self.filesystem)

    def below(self, name: str) -> Storage:
        """The folder ``name`` within this one."""
        if self.is_local:
            return Storage(f"{self.path}/{name}", self.filesystem, f"{self.path}/{name}")
        address, mark, options = self.uri.partition("?")
        uri = f"{address.rstrip('/')}/{name}{mark}{options}"
        return Storage(uri, self.filesystem, f"{self.path}/{name}")

    def folders(self) -> list[str]:
        """Sorted names of the folders within this one; empty where it does not exist."""
        found = self.filesystem.get_file_info(FileSelector(self.path, allow_not_found=True))
        return sorted(info.base_name for info in found if info.type == FileType.Directory)

    def files(self) -> list[str]:
        """Sorted names of the files within this folder; empty where it does not exist."""
        found = self.filesystem.get_file_info(FileSelector(self.path, allow_not_found=True))
        return sorted(info.base_name for info in found if info.type == FileType.File)

    def everything(self) -> Iterator[tuple[tuple[str, ...], FileInfo]]:
        """Files and folders at any depth, each with the names on its path from here."""
        selector = FileSelector(self.path, allow_not_found=True, recursive=True)
        for info in self.filesystem.get_file_info(selector):
            yield tuple(info.path.removeprefix(f"{self.path}/").split("/")), info

    def remove_file(self, name: str) -> None:
        """Remove the file ``name`` from this folder."""
        self.filesystem.delete_file(f"{self.path}/{name}")

    def remove(self) -> None:
        """Remove the folder with all that is in it."""
        self.filesystem.delete_dir(self.path)


def chosen_storage(config: StudyConfig) -> Storage | None:
    """Storage that the study file names; None where checkpoints stay in the study's folder."""
    return None if config.storage.uri is None else Storage.at(config.storage.uri)


def study_storage(folder: StudyFolder) -> Storage:
    """Storage of the study's checkpoints; in a chosen place, a folder of its own."""
    config = folder.config()
    if config.storage.uri is None:
        return Storage.at(folder.ray.resolve())
    return storage_of(config, folder.id())


def storage_of(config: StudyConfig, id_: str) -> Storage:
    """Folder of the study with the id ``id_`` within the storage that its file names."""
    chosen = chosen_storage(config)
    assert chosen is not None
    return chosen.below(f"{config.name}-{id_}")


def check_storage(config: StudyConfig) -> None:
    """Check that a chosen storage takes files, by writing one and removing it.

    Raises:
        UserError: the storage does not, or cannot be reached.
    """
    uri = config.storage.uri
    if uri is None:
        return
    try:
        storage = Storage.at(uri)
        # A folder made here would hide that a file system is not mounted.
        if storage.is_local and not Path(storage.path).is_dir():
            raise FileNotFoundError("there is no such folder")
        name = f".reservoir-search-{uuid4().hex}"
        with storage.filesystem.open_output_stream(f"{storage.path}/{name}"):
            pass
        storage.remove_file(name)
    except (OSError, ValueError) as error:
        raise UserError(
            f"storage.uri '{uri}': {_reason(error)}; checkpoints need a folder or bucket that "
            "exists, can be reached and may be written to"
        ) from error


def _is_local(filesystem: FileSystem) -> bool:
    return isinstance(filesystem, LocalFileSystem)


def _reason(error: Exception) -> str:
    """Message of an object store, without the ids of the request."""
    first, _, _ = str(error).partition("\n")
    return first.partition(" (Request ID")[0].partition("; Details")[0]
