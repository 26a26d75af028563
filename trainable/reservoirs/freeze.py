"""Turning a layer into a reservoir: random frozen weights replace its parameters."""

from __future__ import annotations

from torch import nn

from trainable.private.torch import use_replaced_weights
from trainable.reservoirs.builders import reservoir_builder
from trainable.reservoirs.draw import Draw, ReservoirKey


def make_reservoir(layer: nn.Module, *, reservoir: ReservoirKey, draw: Draw) -> None:
    """Replace every parameter of ``layer`` by a random buffer of the same name and shape.

    Non-persistent buffers are in no optimizer, no gradient reduction and no state dict,
    yet they move with the module between devices and dtypes. They are not detached from
    the graph: gradients still reach the layers below.

    Raises:
        ValueError: the kind has no builder.
    """
    matrices = reservoir_builder(reservoir.kind).matrices
    for path, module in layer.named_modules():
        for name, parameter in list(module.named_parameters(recurse=False)):
            full_name = f"{path}.{name}" if path else name
            drawn = draw.tensor(
                full_name,
                tuple(parameter.shape),
                reservoir=reservoir,
                matrices=matrices(full_name),
            )
            delattr(module, name)
            module.register_buffer(name, drawn, persistent=False)
        if isinstance(module, nn.RNNBase):
            use_replaced_weights(module)
