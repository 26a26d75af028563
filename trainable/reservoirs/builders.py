"""Registry of the reservoir kinds' builders; each module of this folder registers its own.

The modules are not listed: all of the folder are imported when a kind is first looked up.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass

from fairseq.models.transformer import TransformerConfig
from torch import nn

from trainable import reservoirs
from trainable.reservoirs.draw import ONE_MATRIX, Matrices

Build = Callable[[TransformerConfig], nn.Module]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservoirBuilder:
    """Builder of the reservoirs of one kind.

    Args:
        build: returns a new encoder layer, not yet drawn or frozen, with the dropout of its
            options. It is called as fairseq's encoder layers: with states T, B, D and padding
            mask B, T.
        matrices: gives the matrices in a parameter, by the parameter's name in the layer.
        fixed_shapes: the layer waits for no value of its input, so that a CUDA graph can hold it.
    """

    build: Build
    matrices: Callable[[str], Matrices]
    fixed_shapes: bool


_BUILDERS: dict[str, ReservoirBuilder] = {}


def builds_reservoir(
    letter: str,
    *,
    matrices: Callable[[str], Matrices] = lambda _: ONE_MATRIX,
    fixed_shapes: bool = True,
) -> Callable[[Build], Build]:
    """Decorator that registers a function as the builder of kind ``letter``.

    Args:
        letter: a letter of `spaces/kinds.py`.
        matrices: see ``ReservoirBuilder``; each parameter is one matrix if absent.
        fixed_shapes: see ``ReservoirBuilder``.

    Raises:
        ValueError: the kind already has a builder.
    """

    def register(build: Build) -> Build:
        if letter in _BUILDERS:
            raise ValueError(f"reservoir kind {letter!r} has two builders")
        _BUILDERS[letter] = ReservoirBuilder(
            build=build, matrices=matrices, fixed_shapes=fixed_shapes
        )
        return build

    return register


def reservoir_builder(letter: str) -> ReservoirBuilder:
    """Builder of kind ``letter``.

    Raises:
        ValueError: no module registers one.
    """
    if letter not in _BUILDERS:
        _import_modules()
    if letter not in _BUILDERS:
        raise ValueError(f"no module of trainable/reservoirs builds kind {letter!r}")
    return _BUILDERS[letter]


def built_letters() -> frozenset[str]:
    """Letters of all kinds that have a builder."""
    _import_modules()
    return frozenset(_BUILDERS)


def _import_modules() -> None:
    for module in pkgutil.iter_modules(reservoirs.__path__, f"{reservoirs.__name__}."):
        importlib.import_module(module.name)
