"""Parts of torch that are not its documented interface.

An upgrade of torch may take away any of them, and tests/test_private_parts.py then fails.
"""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn
from torch.nn.parallel import DistributedDataParallel


def leave_to_each_rank(model: nn.Module, names: Iterable[str]) -> None:
    """Exclude tensors of ``model`` from the broadcast at ``DistributedDataParallel``'s start.

    torch keeps the function until it has a public one (pytorch#43690). If it disappears
    without one, the reservoirs are broadcast too: slower, with the same result.
    """
    DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(  # type: ignore[no-untyped-call]
        model, list(names)
    )


def use_replaced_weights(rnn: nn.RNNBase) -> None:
    """Make a recurrent layer use the tensors that replaced its weights under the same names.

    The layer keeps its own list of weights, which a newly registered buffer does not enter.
    If an upgrade removes the function, check whether the list is gone too.
    """
    rnn._init_flat_weights()
