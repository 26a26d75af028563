"""How good a trained layout is on a whole evaluation set, with the beam of a final result."""

from __future__ import annotations

import os

import torch

from trainable.checkpoint import Weights, load_learned_weights
from trainable.config import TrialConfig
from trainable.corpus import Corpus
from trainable.decoding import FULL_LIMIT
from trainable.device import training_device
from trainable.models.build import build_model
from trainable.models.reservoir_transformer import ReservoirTransformer
from trainable.ranks import Ranks
from trainable.validation import EvaluationSet, Scores

BEAM = 5


def trained_model(config: TrialConfig, corpus: Corpus, weights: Weights) -> ReservoirTransformer:
    """Model of the trial with ``weights``, on this machine's GPU or on all its cores."""
    torch.set_num_threads(os.cpu_count() or 1)
    model = build_model(
        config.model, src_dict=corpus.src_dict, tgt_dict=corpus.tgt_dict, seed=config.seed
    )
    model.to(_device())
    load_learned_weights(model, weights)
    return model


def full_scores(
    model: ReservoirTransformer, corpus: Corpus, config: TrialConfig, split: str
) -> Scores:
    """The scores of ``trained_model`` on all of ``split``."""
    return EvaluationSet(
        corpus,
        split,
        n_sentences=None,
        beam=BEAM,
        limit=FULL_LIMIT,
        label_smoothing=config.train.label_smoothing,
        ranks=Ranks(),
        device=_device(),
    ).measure(model)


def _device() -> torch.device:
    return training_device(float(torch.cuda.is_available()))
