"""A model's parameters and FLOPs on a corpus, by arithmetic."""

from __future__ import annotations

from spaces.candidate_size import CandidateSize
from spaces.counts import ParamCounts, count_params
from spaces.dimensions import Dimensions
from spaces.flops import Savings, flops_per_token
from trainable.config import ModelConfig, TrainConfig, TrialConfig
from trainable.corpus import Corpus, load_corpus


def dimensions(config: ModelConfig, corpus: Corpus) -> Dimensions:
    """The model's dimensions, with the dictionaries of ``corpus``."""
    return Dimensions(
        d_model=config.d_model,
        ffn=config.ffn,
        heads=config.heads,
        src_rows=len(corpus.src_dict),
        tgt_rows=len(corpus.tgt_dict),
        norm=config.norm,
        tied=config.tied,
        embedding_dim=config.embedding_dim,
    )


def param_counts(config: ModelConfig, corpus: Corpus) -> ParamCounts:
    """The four parameter counts of a model on ``corpus``."""
    return count_params(config.encoder, config.decoder, dimensions(config, corpus))


def candidate_size(config: TrialConfig) -> CandidateSize:
    """The size of the candidate that a trial trains, on the trial's corpus."""
    corpus = load_corpus(config.data)
    return CandidateSize(
        counts=param_counts(config.model, corpus),
        training_flops=training_flops_per_token(config.model, config.train, corpus),
    )


def training_flops_per_token(
    model: ModelConfig,
    train: TrainConfig,
    corpus: Corpus,
    *,
    frozen: frozenset[int] = frozenset(),
) -> float:
    """FLOPs of an update for each target token, at the training set's mean lengths.

    ``frozen``: encoder depths frozen by AutoFreeze.
    """
    dataset = corpus.split("train")
    return flops_per_token(
        model.encoder,
        model.decoder,
        dimensions(model, corpus),
        src_length=float(dataset.src_sizes.mean()),
        tgt_length=float(dataset.tgt_sizes.mean()),
        savings=savings(model, train, frozen),
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
