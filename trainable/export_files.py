"""Files of an export: settings and weights."""

from __future__ import annotations

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
        return TrialConfig.model_validate_json(read_values(folder / CONFIG))
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
