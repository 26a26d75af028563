"""A trial's checkpoint: current and best learned weights, optimizer state, and curve.

Reservoirs are not stored, since their seed draws them again. Weights are safetensors, and the
optimizer's state loads with ``weights_only``, so that no pickled code can run.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from trainable.auto_freeze import Freezing
from trainable.curve import Point
from trainable.digests import file_sha256

Weights = dict[str, Tensor]

_WEIGHTS = "weights.safetensors"
BEST_WEIGHTS = "best.safetensors"
_OPTIMIZER = "optimizer.pt"
PROGRESS = "progress.json"
CHECKSUMS = "checksums.json"  # written last: a checkpoint without it is incomplete
KEPT = (BEST_WEIGHTS, PROGRESS, CHECKSUMS)  # files that stay when the trial has ended
_OS_ERROR = re.compile(r"\(os error (\d+)\)")  # in a message of safetensors, which is in Rust


class BrokenCheckpoint(Exception):
    """Error: a checkpoint's files are missing or changed since they were written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """State of a trial after a validation."""

    weights: Weights
    best_weights: Weights
    optimizer: dict[str, Any]
    curve: tuple[Point, ...]
    finished: bool
    freezing: Freezing | None = None  # None without AutoFreeze


def learned_weights(model: nn.Module) -> Weights:
    """Copies of the model's learned tensors on the CPU, by name; shared tensors once."""
    return {
        name: parameter.detach().to("cpu", copy=True).contiguous()
        for name, parameter in model.named_parameters()
    }


@torch.no_grad()
def load_learned_weights(model: nn.Module, weights: Weights) -> None:
    """Copy ``weights`` into ``model``.

    Raises:
        ValueError: the names or shapes are not those of the model's learned tensors.
    """
    parameters = dict(model.named_parameters())
    if parameters.keys() != weights.keys():
        differing = sorted(parameters.keys() ^ weights.keys())
        raise ValueError(f"weights of another layout: {differing[:3]} are in one of the two only")
    for name, parameter in parameters.items():
        if parameter.shape != weights[name].shape:  # copy_ would broadcast
            raise ValueError(f"weights of another layout: {name} is {list(weights[name].shape)}")
        parameter.copy_(weights[name])


def save_checkpoint(checkpoint: Checkpoint, folder: Path) -> None:
    """Write ``checkpoint`` into an empty ``folder``, the checksums last.

    Raises:
        OSError: a file cannot be written.
    """
    _save_weights(checkpoint.weights, folder / _WEIGHTS)
    _save_weights(checkpoint.best_weights, folder / BEST_WEIGHTS)
    torch.save(checkpoint.optimizer, folder / _OPTIMIZER)
    progress = {
        "curve": [point.to_dict() for point in checkpoint.curve],
        "finished": checkpoint.finished,
        "freezing": checkpoint.freezing.to_dict() if checkpoint.freezing else None,
    }
    (folder / PROGRESS).write_text(json.dumps(progress))
    names = (_WEIGHTS, BEST_WEIGHTS, _OPTIMIZER, PROGRESS)
    write_checksums(folder, names)


def write_checksums(folder: Path, names: Sequence[str]) -> None:
    """Write the SHA-256 of files of ``folder`` beside them."""
    checksums = {name: file_sha256(folder / name) for name in names}
    (folder / CHECKSUMS).write_text(json.dumps(checksums))


def check_files(folder: Path, names: Collection[str] | None = None) -> None:
    """Compare files of ``folder`` with their checksums.

    Args:
        names: the files to compare; all that have a checksum if absent.

    Raises:
        BrokenCheckpoint: a file is missing, cut short or changed, or there are no checksums.
    """
    try:
        checksums: dict[str, str] = json.loads((folder / CHECKSUMS).read_text())
        names = checksums.keys() if names is None else names
        changed = [name for name in names if file_sha256(folder / name) != checksums.get(name)]
    except (OSError, ValueError, AttributeError) as error:
        raise BrokenCheckpoint(f"{folder}: {error}") from error
    if changed:
        raise BrokenCheckpoint(f"{folder}: {', '.join(changed)} changed since it was written")


def load_best(folder: Path) -> tuple[Weights, tuple[Point, ...]]:
    """Best weights of a checkpoint, and the curve they lie on.

    Earlier versions kept them without checksums.

    Raises:
        BrokenCheckpoint: a file is missing, cut short or changed.
    """
    if (folder / CHECKSUMS).exists():
        check_files(folder, (BEST_WEIGHTS, PROGRESS))
    try:
        progress = json.loads((folder / PROGRESS).read_text(encoding="utf-8"))
        curve = tuple(Point.from_dict(point) for point in progress["curve"])
        return load_file(folder / BEST_WEIGHTS), curve
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        reason = str(error).partition("\n")[0]
        raise BrokenCheckpoint(f"{folder}: {type(error).__name__}: {reason}") from error


def _save_weights(weights: Weights, path: Path) -> None:
    try:
        save_file(weights, path)
    except SafetensorError as error:
        found = _OS_ERROR.search(str(error))
        if found is None:
            raise
        raise OSError(int(found[1]), os.strerror(int(found[1])), str(path)) from error


def load_checkpoint(folder: Path) -> Checkpoint:
    """Read a checkpoint back.

    Raises:
        BrokenCheckpoint: a file is missing, cut short or changed.
    """
    check_files(folder)
    progress = json.loads((folder / PROGRESS).read_text())
    return Checkpoint(
        weights=load_file(folder / _WEIGHTS),
        best_weights=load_file(folder / BEST_WEIGHTS),
        optimizer=torch.load(folder / _OPTIMIZER, map_location="cpu", weights_only=True),
        curve=tuple(Point.from_dict(point) for point in progress["curve"]),
        finished=progress["finished"],
        freezing=_freezing(progress.get("freezing")),  # absent in earlier versions' checkpoints
    )


def _freezing(values: dict[str, Any] | None) -> Freezing | None:
    return None if values is None else Freezing.from_dict(values)
