"""A trial's model from its settings."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from fairseq.data import Dictionary

from spaces.errors import UserError
from trainable.config import ModelConfig
from trainable.models.options import fairseq_options
from trainable.models.reservoir_transformer import ReservoirTransformer


@dataclass(frozen=True, slots=True)
class Dictionaries:
    """Source and target dictionaries that a model is built for."""

    source_dictionary: Dictionary
    target_dictionary: Dictionary


def build_model(
    config: ModelConfig, *, src_dict: Dictionary, tgt_dict: Dictionary, seed: int
) -> ReservoirTransformer:
    """The model of ``config`` at its start, on the CPU.

    ``seed`` seeds torch's global generator, from which the learned weights are drawn in
    fairseq's order, and is the seed of the reservoirs.

    Raises:
        UserError: the two dictionaries cannot be tied.
    """
    if config.tied == "all" and src_dict != tgt_dict:
        raise UserError(
            "model.tied: 'all' needs one dictionary for both languages, and these differ; "
            "use 'decoder' or 'none', or prepare the data with a joined dictionary"
        )
    torch.manual_seed(seed)
    return ReservoirTransformer.build_model(
        fairseq_options(config, seed=seed), Dictionaries(src_dict, tgt_dict)
    )
