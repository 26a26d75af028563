"""A model's parameters and FLOPs on the data of a task, by arithmetic."""

from __future__ import annotations

from spaces.candidate_size import CandidateSize
from spaces.counts import ParamCounts
from spaces.flops import Savings
from trainable.config import ModelConfig, TrainConfig, TrialConfig
from trainable.init_from import check_init
from trainable.tasks.registry import load_task
from trainable.tasks.task import Task
from trainable.teacher import check_teacher

# Settings of [space.hyper] that change the size of a model or of an update.
SIZING = (
    *("model.d_model", "model.ffn", "model.heads", "model.norm", "model.tied"),
    *("model.embedding_dim", "model.reservoir_backward", "model.attention"),
    *("model.attention_features", "model.attention_length", "model.attention_sharing"),
    *("train.batch_tokens", "train.accumulate", "train.layer_drop"),
)


def param_counts(config: ModelConfig, task: Task) -> ParamCounts:
    """The four parameter counts of a model for ``task``."""
    return task.count_params(config.encoder, config.decoder, task.dimensions(config))


def candidate_size(config: TrialConfig) -> CandidateSize:
    """The size of the candidate that a trial trains, on the trial's data.

    Raises:
        UserError: the data, ``train.init_from`` or ``train.distill`` do not fit the candidate.
    """
    task = load_task(config.data)
    check_init(config, task)
    check_teacher(config, task)
    return CandidateSize(
        counts=param_counts(config.model, task),
        training_flops=training_flops_per_token(config.model, config.train, task),
    )


def training_flops_per_token(
    model: ModelConfig,
    train: TrainConfig,
    task: Task,
    *,
    frozen: frozenset[int] = frozenset(),
) -> float:
    """FLOPs of an update for each of its tokens, at the training set's mean lengths.

    ``frozen``: encoder depths frozen by AutoFreeze.
    """
    return task.flops_per_token(
        model.encoder, model.decoder, task.dimensions(model), savings(model, train, frozen)
    ).training


def savings(
    model: ModelConfig, train: TrainConfig, frozen: frozenset[int] = frozenset()
) -> Savings:
    """Work that an update skips, with the encoder depths ``frozen`` by AutoFreeze."""
    return Savings(
        around_reservoirs=model.reservoir_backward == "around",
        layer_drop=train.layer_drop,
        frozen=frozen,
    )
