"""Backskipping: gradients that go around a reservoir and not through it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def go_around(layer: nn.Module) -> None:
    """Have gradients pass ``layer`` as though it were the identity, while training.

    What the layer computes stays as it is, and out of training so do its derivatives.

    Source:
        "Backskipping", Shen et al. 2021 (arXiv:2012.15045), who let a policy guess the
        gradient; here it is handed down as it comes, as the residual connection does.
    """
    layer.register_forward_hook(_put_around)


def _put_around(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
    if not layer.training:
        return output
    around: Tensor = _Around.apply(inputs[0], output.detach())  # type: ignore[no-untyped-call]
    return around


class _Around(torch.autograd.Function):
    """The second of two tensors, with the gradient for the first."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, output: Tensor) -> Tensor:
        ctx.dtype = x.dtype
        return output.view_as(output)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient.to(ctx.dtype), None
