"""Sublayers of the Transformer layers of both stacks, around fairseq's parameters.

Shapes: T length, B batch, D model.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from trainable.layers.dropout import Dropout


class SubLayers:
    """Mix-in with the sub-layers of a fairseq layer, which has the attributes below."""

    normalize_before: bool
    dropout_module: Dropout
    activation_dropout_module: Dropout
    activation_fn: Callable[[Tensor], Tensor]
    fc1: nn.Linear
    fc2: nn.Linear

    def use_cheap_dropout(self, dropout: float, activation_dropout: float) -> None:
        """Replace fairseq's dropout by ours."""
        self.dropout_module = Dropout(dropout)
        self.activation_dropout_module = Dropout(activation_dropout)

    def residual(
        self, norm: nn.Module, x_TBD: Tensor, transform: Callable[[Tensor], Tensor]
    ) -> Tensor:
        """One sub-layer: x + drop(f(norm(x))), or norm(x + drop(f(x))) post-norm."""
        if self.normalize_before:
            return self.dropout_module.add(x_TBD, transform(norm(x_TBD)))
        normed: Tensor = norm(self.dropout_module.add(x_TBD, transform(x_TBD)))
        return normed

    def feed_forward(self, x_TBD: Tensor) -> Tensor:
        """fc2(dropout(activation(fc1(x))))."""
        hidden = self.activation_dropout_module(self.activation_fn(self.fc1(x_TBD)))
        out: Tensor = self.fc2(hidden)
        return out
