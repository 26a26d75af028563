"""Compiled layers: traced whole, equal to the plain ones, shared by layouts."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from tests.trainable.updates.learners import make_learner, make_updates, some_updates, trial_of
from trainable.config import TrialConfig
from trainable.layers.encoder_layer import EncoderLayer
from trainable.updates import compiled
from trainable.updates.bucketed import BucketedUpdates
from trainable.updates.compiled import compiled_layers
from trainable.updates.eager import EagerUpdates
from trainable.updates.recorder import RunAgain


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[torch.fx.GraphModule]]:
    """Compilation without code generation: the list gets each graph that was traced."""
    graphs: list[torch.fx.GraphModule] = []

    def keep(graph: torch.fx.GraphModule, _: Any) -> Any:
        graphs.append(graph)
        return graph.forward

    compile_whole = functools.partial(torch.compile, backend=keep, fullgraph=True)
    monkeypatch.setattr(compiled.torch, "compile", compile_whole)
    compiled._compiled.cache_clear()
    yield graphs
    compiled._compiled.cache_clear()
    torch.compiler.reset()


@pytest.mark.slow
def test_layouts_share_compiled_layers_which_learn_what_plain_ones_learn(
    tiny_trial: TrialConfig, traced: list[torch.fx.GraphModule]
):
    plain = EncoderLayer.forward
    n_traced = []
    for encoder in ("R1L1R1L1", "LRLLR"):
        trial = trial_of(tiny_trial, model={"encoder": encoder, "decoder": "L"})
        eager, layers = (make_learner(trial, tensor_lr=tensor) for tensor in (False, True))
        updates = some_updates(eager, 2)
        make_updates(EagerUpdates(eager), updates)
        with compiled_layers():
            make_updates(BucketedUpdates(layers, RunAgain), updates)
        for ours, theirs in zip(layers.learned(), eager.learned(), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-8)
        n_traced.append(len(traced))
    assert EncoderLayer.forward is plain
    assert n_traced[0] >= len(compiled.FUNCTIONS)
    assert n_traced[-1] == n_traced[0], "a further layout was compiled anew"
