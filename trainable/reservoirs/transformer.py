"""The Transformer reservoir, kind R: a random, frozen Transformer layer.

In a decoder it is the decoder's Transformer layer, drawn in the same way.
"""

from __future__ import annotations

import math

from fairseq.models.transformer import TransformerConfig
from torch import nn

from trainable.layers.encoder_layer import EncoderLayer, without_dropout
from trainable.reservoirs.builders import builds_reservoir
from trainable.reservoirs.draw import ONE_MATRIX, Matrices

ATTENTION_INPUTS = ("q_proj.weight", "k_proj.weight", "v_proj.weight")
# fairseq scales the three input projections of attention by this (MultiheadAttention).
ATTENTION_INPUT = Matrices(xavier_scale=1 / math.sqrt(2))


def matrices(tensor: str) -> Matrices:
    """Matrices in a tensor; the bound of attention's input projections is fairseq's."""
    return ATTENTION_INPUT if tensor.endswith(ATTENTION_INPUTS) else ONE_MATRIX


@builds_reservoir("R", matrices=matrices)
def build(cfg: TransformerConfig) -> nn.Module:
    """Encoder layer of fairseq without dropout.

    Source:
        "Transformer Reservoir", Shen et al. 2021 (arXiv:2012.15045), section 2.2.
    """
    layer: nn.Module = EncoderLayer(without_dropout(cfg))
    return layer
