"""Parts of torch that are not its documented interface.

An upgrade of torch may take away any of them, and tests/test_private_parts.py then fails.
"""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn
from torch.nn.parallel import DistributedDataParallel


def leave_to_each_rank(model: nn.Module, names: Iterable[str]) -> None:
    """Have ``DistributedDataParallel`` not send these tensors of ``model`` when it starts.

    torch keeps the function until it has a public one (pytorch#43690). When it is gone
    without one, the reservoirs are sent, which is slow and changes nothing.
    """
    DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(  # type: ignore[no-untyped-call]
        model, list(names)
    )


def use_replaced_weights(rnn: nn.RNNBase) -> None:
    """Have a recurrent layer compute with the tensors that now bear its weights' names.

    It keeps a list of its own of them, in which a registered buffer does not come to stand.
    When it is gone, see whether the list is.
    """
    rnn._init_flat_weights()
