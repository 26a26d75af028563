"""Turning a layer into a reservoir: random frozen weights replace its parameters, or some."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from spaces.kinds import ATTENTION, FEED_FORWARD, LAYER_KINDS, LENGTH, NORMS, QUERY_KEY
from trainable.private.torch import use_replaced_weights
from trainable.reservoirs.builders import reservoir_builder
from trainable.reservoirs.draw import Draw, ReservoirKey


def make_reservoir(
    layer: nn.Module, *, reservoir: ReservoirKey, draw: Draw, initial: Mapping[str, Tensor]
) -> None:
    """Replace every parameter that the kind freezes by a random buffer of its name and shape.

    Non-persistent buffers are in no optimizer, no gradient reduction and no state dict,
    yet they move with the module between devices and dtypes. They are not detached from
    the graph: gradients still reach the layers below.

    Args:
        initial: fairseq's initial parameters of such a layer, for the draw ``fairseq``.

    Raises:
        ValueError: the kind has no builder.
    """
    matrices = reservoir_builder(reservoir.kind).matrices
    kind = LAYER_KINDS[reservoir.kind]
    for path, module in layer.named_modules():
        for name, _ in list(module.named_parameters(recurse=False)):
            full_name = f"{path}.{name}" if path else name
            if kind.learned and not kind.freezes(component_of(full_name)):
                continue
            drawn = draw.tensor(
                full_name,
                initial[full_name],
                reservoir=reservoir,
                matrices=matrices(full_name),
            )
            delattr(module, name)
            module.register_buffer(name, drawn, persistent=False)
        if isinstance(module, nn.RNNBase):
            use_replaced_weights(module)


def component_of(name: str) -> str:
    """Component of a Transformer layer that its parameter ``name`` belongs to."""
    if "layer_norm" in name:
        return NORMS
    if name.startswith(("fc1.", "fc2.")):
        return FEED_FORWARD
    if ".length_projection." in name:
        return LENGTH
    return QUERY_KEY if ".q_proj." in name or ".k_proj." in name else ATTENTION
