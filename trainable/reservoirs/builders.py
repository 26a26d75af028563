"""The builders of the reservoir kinds; each module of this folder registers its own.

No list names the modules: all of the folder are imported when a kind is first asked for.
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
    """How to make the reservoirs of one kind.

    Args:
        build: gives a new encoder layer, not yet drawn or frozen, without dropout. It is called
            as fairseq's encoder layers are: the states T, B, D and the padding mask B, T.
        matrices: the matrices that a parameter holds, by the parameter's name in the layer.
    """

    build: Build
    matrices: Callable[[str], Matrices]


_BUILDERS: dict[str, ReservoirBuilder] = {}


def builds_reservoir(
    letter: str, *, matrices: Callable[[str], Matrices] = lambda _: ONE_MATRIX
) -> Callable[[Build], Build]:
    """Decorate the function that builds the layers of kind ``letter``.

    Args:
        letter: as `spaces/kinds.py` has it.
        matrices: as ``ReservoirBuilder`` has it; each parameter is one matrix if absent.

    Raises:
        ValueError: another function builds them already.
    """

    def register(build: Build) -> Build:
        if letter in _BUILDERS:
            raise ValueError(f"reservoir kind {letter!r} has two builders")
        _BUILDERS[letter] = ReservoirBuilder(build=build, matrices=matrices)
        return build

    return register


def reservoir_builder(letter: str) -> ReservoirBuilder:
    """The builder of kind ``letter``.

    Raises:
        ValueError: no module has one.
    """
    if letter not in _BUILDERS:
        _import_modules()
    if letter not in _BUILDERS:
        raise ValueError(f"no module of trainable/reservoirs builds kind {letter!r}")
    return _BUILDERS[letter]


def built_letters() -> frozenset[str]:
    """The letters of all kinds that have a builder."""
    _import_modules()
    return frozenset(_BUILDERS)


def _import_modules() -> None:
    for module in pkgutil.iter_modules(reservoirs.__path__, f"{reservoirs.__name__}."):
        importlib.import_module(module.name)
