"""The choice between eager updates and CUDA graphs."""

from __future__ import annotations

import functools
import logging
import math

from trainable.config import TrialConfig
from trainable.reservoirs.builders import reservoir_builder
from trainable.updates.bucketed import BucketedUpdates
from trainable.updates.cuda_graphs import CudaGraphs
from trainable.updates.eager import EagerUpdates
from trainable.updates.learner import Learner
from trainable.updates.strategy import UpdateStrategy

logger = logging.getLogger(__name__)

# On an H100 at the paper's size an eager update takes 33 ms, in a graph 10, compiled 7. A graph
# takes 60 ms to record and a corpus has a hundred; compiling takes 8 s for a further layout.
# See "Updates on a GPU" in docs/design.md.
MIN_UPDATES_FOR_GRAPHS = 200
MIN_UPDATES_FOR_COMPILING = 3_000
UPDATES_PER_S = 100  # of a graph, where only seconds bound a trial


def choose_updates(learner: Learner, n_updates: float) -> UpdateStrategy:
    """CUDA graphs on a GPU where the trial, of about ``n_updates``, allows them; else eager."""
    if learner.device.type != "cuda":
        return EagerUpdates(learner)
    reason = reason_for_eager(learner.config, n_updates)
    if reason is not None:
        logger.info("updates are eager: %s", reason)
        return EagerUpdates(learner)
    compiled = n_updates >= MIN_UPDATES_FOR_COMPILING
    return BucketedUpdates(
        learner, functools.partial(CudaGraphs, learner.device, compiled=compiled)
    )


def reason_for_eager(config: TrialConfig, n_updates: float) -> str | None:
    """Why CUDA graphs don't serve a trial of ``n_updates`` on a GPU; None if they do."""
    if config.train.layer_drop:
        return "train.layer_drop leaves out other layers at each update, and a graph has its own"
    kinds = {layer.kind for layer in config.model.encoder.layers if layer.is_reservoir}
    waiting = sorted(kind for kind in kinds if not reservoir_builder(kind).fixed_shapes)
    if waiting:
        return f"kind {waiting[0]} has to know the lengths of its sentences"
    if n_updates < MIN_UPDATES_FOR_GRAPHS:
        return f"{n_updates:.0f} updates are too few to record graphs for"
    return None


def expected_updates(config: TrialConfig) -> float:
    """Number of updates that the budget allows, equal for all layouts; a bound in FLOPs is not."""
    budget = config.budget
    bounds = (
        budget.updates,
        None if budget.tokens is None else budget.tokens / config.train.batch_tokens,
        None if budget.seconds is None else budget.seconds * UPDATES_PER_S,
    )
    return min((bound for bound in bounds if bound is not None), default=math.inf)
