"""Prepared data for the nodes of a cluster that do not have them."""

from __future__ import annotations

import fcntl
import io
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray

from spaces.errors import UserError
from trainable.atomic import atomic_folder
from trainable.config import TrialConfig
from trainable.data.manifest import FILE_NAME, Manifest
from trainable.users_folder import users_folder


@dataclass(frozen=True, slots=True, kw_only=True)
class ShippedCorpus:
    """Prepared data of a study in Ray's object store, for nodes that do not have the folder."""

    digest: str  # checksum of the data, without licence and versions
    archive: Any  # Ray reference to a tar of the files

    def localised(self, trial: TrialConfig) -> TrialConfig:
        """Settings of ``trial`` with a data folder of this node: the study's own, or a copy.

        The copy is made atomically, once for all processes of the node.
        """
        if self._are_in(Path(trial.data)):
            return trial
        copies = users_folder() / "corpora"
        copies.mkdir(exist_ok=True)
        copy = copies / self.digest
        with (copies / f"{self.digest}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not self._are_in(copy):
                _unpack(ray.get(self.archive), copy)
        return trial.model_copy(update={"data": str(copy)})

    def _are_in(self, folder: Path) -> bool:
        try:
            manifest = Manifest.load(folder)
            manifest.check_files(folder)
        except UserError:
            return False
        return manifest.digest == self.digest


def ship_corpus(folder: Path) -> ShippedCorpus:
    """Put the prepared data in ``folder`` into Ray's object store.

    Raises:
        UserError: the folder holds no prepared data.
    """
    manifest = Manifest.load(folder)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name in (FILE_NAME, *manifest.file_names()):
            archive.add(folder / name, arcname=name)
    return ShippedCorpus(digest=manifest.digest, archive=ray.put(packed.getvalue()))


def with_data_here(trial: TrialConfig, corpus: ShippedCorpus | None) -> TrialConfig:
    """Settings of ``trial`` with a data folder of this node; unchanged if ``corpus`` is None."""
    return trial if corpus is None else corpus.localised(trial)


def _unpack(packed: bytes, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)  # a damaged copy
    with atomic_folder(folder) as building, tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(building, filter="data")
