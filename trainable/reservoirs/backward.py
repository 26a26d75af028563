"""Backskipping: gradients go around a reservoir and not through it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def go_around(layer: nn.Module) -> None:
    """Make gradients pass ``layer`` as if it were the identity, while training.

    The layer's output does not change; when not training, neither do its derivatives.

    Source:
        "Backskipping", Shen et al. 2021 (arXiv:2012.15045), who predict the gradient with a
        policy; here it is passed on unchanged, as by the residual connection.
    """
    layer.register_forward_hook(_replace_gradient)


def _replace_gradient(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
    if not layer.training:
        return output
    around: Tensor = _Around.apply(inputs[0], output.detach())  # type: ignore[no-untyped-call]
    return around


class _Around(torch.autograd.Function):
    """Function that returns its second tensor and sends the gradient to its first."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, output: Tensor) -> Tensor:
        ctx.dtype = x.dtype
        return output.view_as(output)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient.to(ctx.dtype), None
