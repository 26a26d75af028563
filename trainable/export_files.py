"""Files of an export: settings and weights."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file

from spaces.errors import DamagedData, UserError
from spaces.faults import fault_lines
from trainable.checkpoint import CHECKSUMS, BrokenCheckpoint, Weights, check_files
from trainable.config import TrialConfig
from trainable.data.bounded import read_values
from trainable.data.own_files import require_own_files

CONFIG = "config.json"  # file names in an export
WEIGHTS = "model.safetensors"


def portable_config(config: TrialConfig, export: Path) -> TrialConfig:
    """Settings whose paths lead from the export's folder, and name no folders above them both.

    So an export tells nobody who made it where, and the paths still lead to the data when both
    are moved together.
    """
    return _with_paths(config, lambda path: os.path.relpath(Path(path).resolve(), export.resolve()))


def read_config(export: Path) -> TrialConfig:
    """Settings of the trial that an export holds, with absolute paths.

    Raises:
        OSError: the file cannot be read.
        ValidationError: the settings are broken.
    """
    config = TrialConfig.model_validate_json(read_values(export / CONFIG))
    # Earlier versions wrote absolute paths, which stay as they are.
    return _with_paths(config, lambda path: os.path.normpath(export.resolve() / path))


def _with_paths(config: TrialConfig, change: Callable[[str], str]) -> TrialConfig:
    """The settings with each of their paths changed."""
    train = config.train
    given = {"init_from": train.init_from, "distill": train.distill}
    paths = {name: change(path) for name, path in given.items() if path is not None}
    return config.model_copy(
        update={"data": change(config.data), "train": train.model_copy(update=paths)}
    )


def exported_config(folder: Path, setting: str) -> TrialConfig:
    """Settings of the trial that an export holds.

    Args:
        setting: the setting that names the export, for errors.

    Raises:
        DamagedData: the folder is no export.
        UserError: its settings cannot be read.
    """
    require_own_files(folder, [CONFIG])
    try:
        return read_config(folder)
    except OSError as error:
        raise DamagedData(f"{setting} {folder}: is no export; give an export's folder") from error
    except ValidationError as error:
        reason = fault_lines(error, TrialConfig)[0]
        raise UserError(f"{setting} {folder}: {CONFIG}: {reason}; export again") from error


def exported_weights(folder: Path, setting: str) -> Weights:
    """Learned weights of an export; the arguments are those of ``exported_config``.

    Raises:
        UserError: they cannot be read.
    """
    require_own_files(folder, [WEIGHTS], max_bytes=None)
    try:
        return load_file(folder / WEIGHTS)
    except (OSError, SafetensorError) as error:
        reason = str(error).split("\n")[0]
        raise UserError(f"{setting} {folder}: {reason}; export it again") from error


def check_weights(folder: Path) -> None:
    """Compare an export's weights with their checksum; those of earlier versions have none.

    Raises:
        UserError: they changed since they were written.
    """
    if not (folder / CHECKSUMS).exists():
        return
    require_own_files(folder, [CHECKSUMS])
    try:
        check_files(folder, [WEIGHTS])
    except BrokenCheckpoint as error:
        raise UserError(f"{error}; export it again") from error
