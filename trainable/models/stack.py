"""The layers of one stack, from its layout."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import torch
from torch import nn

from spaces.kinds import ATTENTION, FEED_FORWARD, LAYER_KINDS
from spaces.layout import Layer, Layout
from trainable.models.low_rank import with_differences
from trainable.reservoirs.draw import Draw, ReservoirKey
from trainable.reservoirs.freeze import make_reservoir

# Modules of fairseq's layers by the component that layers can share.
MODULES = {ATTENTION: ("self_attn", "encoder_attn"), FEED_FORWARD: ("fc1", "fc2")}


def build_stack(
    layout: Layout, *, stack: str, seed: int, draw: Draw, build: Callable[[str], nn.Module]
) -> list[nn.Module]:
    """One layer for each depth, bottom to top; shared layers and modules are the same object.

    A use with a low-rank difference is an object of its own around the shared modules.
    Learned layers draw from torch's generator in order of first use, as fairseq does.
    Reservoirs do not change that generator, so the initial weights of the learned layers do
    not depend on the reservoirs between them.

    Args:
        layout: layout of the stack.
        stack: "encoder" or "decoder".
        seed: seed of the reservoirs; each is drawn from it, its stack, kind and ordinal.
        draw: distribution of the reservoirs' matrices.
        build: returns a new layer of a kind, not yet frozen.
    """
    layers: dict[int, nn.Module] = {}
    n_of_kind: Counter[str] = Counter()
    for layer, owner in zip(layout.layers, layout.owners, strict=True):
        if owner in layers:
            continue
        n_of_kind[layer.kind] += 1
        if layer.is_reservoir:
            key = ReservoirKey(
                seed=seed, stack=stack, kind=layer.kind, ordinal=n_of_kind[layer.kind]
            )
            layers[owner] = _build_reservoir(build, key, draw)
        else:
            layers[owner] = build(layer.kind)
    stack_layers = [layers[owner] for owner in layout.owners]
    for component, names in MODULES.items():
        _share(stack_layers, layout.owners_of(component), names)
    for depth, rank in enumerate(layout.ranks):
        if rank:
            stack_layers[depth] = with_differences(
                stack_layers[depth],
                _without_drawing(build, layout.layers[depth].kind),
                modules=_shared_modules(layout.layers[depth]),
                rank=rank,
                key=f"{seed}/{stack}/difference/{depth}",
            )
    return stack_layers


def _shared_modules(layer: Layer) -> tuple[str, ...]:
    """Names of the modules with linear maps that ``layer`` shares."""
    return tuple(
        name for component, names in MODULES.items() if layer.shares(component) for name in names
    )


def _share(layers: list[nn.Module], owners: Sequence[int], names: tuple[str, ...]) -> None:
    """Give each layer the modules of the first one that has the same owner."""
    first: dict[int, nn.Module] = {}
    for layer, owner in zip(layers, owners, strict=True):
        giver = first.setdefault(owner, layer)
        if giver is not layer:
            for name in names:
                if hasattr(giver, name):
                    setattr(layer, name, getattr(giver, name))


def _build_reservoir(build: Callable[[str], nn.Module], key: ReservoirKey, draw: Draw) -> nn.Module:
    drawn = _without_drawing(build, key.kind, seed=key.torch_seed)
    # The learned parts of a partly frozen layer start as those of an L in its place.
    layer = build(key.kind) if LAYER_KINDS[key.kind].learned else drawn
    make_reservoir(layer, reservoir=key, draw=draw, initial=dict(drawn.named_parameters()))
    return layer


def _without_drawing(build: Callable[[str], nn.Module], kind: str, *, seed: int = 0) -> nn.Module:
    """A new layer of ``kind``, initialised from ``seed``; torch's generator stays as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return build(kind)
