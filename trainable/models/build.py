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
    """Source and target dictionary of a model."""

    source_dictionary: Dictionary
    target_dictionary: Dictionary


def placeholder_dictionary(n_rows: int) -> Dictionary:
    """Dictionary of ``n_rows`` entries, for a model whose words are not at hand."""
    dictionary = Dictionary()
    for number in range(n_rows - len(dictionary)):
        dictionary.add_symbol(f"word{number}")
    return dictionary


def require_joined(config: ModelConfig, src_dict: Dictionary, tgt_dict: Dictionary) -> None:
    """Check that the dictionaries are one where all embeddings are to be tied.

    Raises:
        UserError: they differ.
    """
    if config.tied == "all" and src_dict != tgt_dict:
        raise UserError(
            "model.tied: 'all' needs one dictionary for both languages, and these differ; "
            "use 'decoder' or 'none', or prepare the data with a joined dictionary"
        )


def build_model(
    config: ModelConfig, *, src_dict: Dictionary, tgt_dict: Dictionary, seed: int
) -> ReservoirTransformer:
    """Model of ``config`` before training, on the CPU.

    ``seed`` seeds torch's global generator, from which the learned weights are drawn in
    fairseq's order, and is the seed of the reservoirs.

    Raises:
        UserError: the embeddings are to be tied, and the two dictionaries differ.
    """
    require_joined(config, src_dict, tgt_dict)
    torch.manual_seed(seed)
    return ReservoirTransformer.build_model(
        fairseq_options(config, seed=seed), Dictionaries(src_dict, tgt_dict)
    )
