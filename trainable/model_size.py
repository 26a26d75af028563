"""A model's parameters and FLOPs on a corpus, by arithmetic."""

from __future__ import annotations

from spaces.counts import ParamCounts, count_params
from spaces.dimensions import Dimensions
from spaces.flops import flops_per_token
from spaces.layout import Layout
from trainable.config import ModelConfig, TrialConfig
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
    )


def param_counts(config: ModelConfig, corpus: Corpus) -> ParamCounts:
    """The four parameter counts of a model on ``corpus``."""
    return count_params(
        Layout.parse(config.encoder), Layout.parse(config.decoder), dimensions(config, corpus)
    )


def trial_param_counts(config: TrialConfig) -> ParamCounts:
    """The four parameter counts of a trial's model on its corpus."""
    return param_counts(config.model, load_corpus(config.data))


def training_flops_per_token(config: ModelConfig, corpus: Corpus) -> float:
    """FLOPs of an update for each target token, at the training set's mean lengths."""
    dataset = corpus.split("train")
    return flops_per_token(
        Layout.parse(config.encoder),
        Layout.parse(config.decoder),
        dimensions(config, corpus),
        src_length=float(dataset.src_sizes.mean()),
        tgt_length=float(dataset.tgt_sizes.mean()),
    ).training
