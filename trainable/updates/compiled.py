"""Layers and loss as torch's compiler makes them, with its code kept on disk."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from trainable import loss
from trainable.layers.encoder_layer import EncoderLayer
from trainable.models.decoder import DecoderLayer

# Functions of classes, not of models: all layouts of a process share what is compiled.
FUNCTIONS: tuple[tuple[Any, str], ...] = (
    (EncoderLayer, "forward"),
    (DecoderLayer, "whole_sentences"),
    (loss, "masked_chunk_loss"),
)
# Variants of one function: learned or frozen weights, widths, rates of dropout, equal lengths.
# At torch's own limit of 8 a search would soon run uncompiled.
MAX_VARIANTS = 256


@contextlib.contextmanager
def compiled_layers() -> Iterator[None]:
    """Run layers and loss compiled within the block, in this process."""
    plain = [getattr(owner, name) for owner, name in FUNCTIONS]
    compiled = [_compiled(function) for function in plain]  # all or none
    for (owner, name), function in zip(FUNCTIONS, compiled, strict=True):
        setattr(owner, name, function)
    try:
        yield
    finally:
        for (owner, name), function in zip(FUNCTIONS, plain, strict=True):
            setattr(owner, name, function)


@functools.cache
def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    torch.compiler.config.recompile_limit = MAX_VARIANTS
    torch.compiler.config.accumulated_recompile_limit = MAX_VARIANTS * len(FUNCTIONS)
    with contextlib.suppress(OSError, RuntimeError):  # no home, or a full one: torch's own place
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache_folder()))
    return torch.compile(function, dynamic=True)


def cache_folder() -> Path:
    """Folder for compiled code, private to this user and made if absent.

    Raises:
        OSError: it can't be made.
        RuntimeError: the user has no home.
    """
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "reservoir-search" / "compiled"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
