"""The Transformer reservoir, kind R, its Performer, P, and layers frozen in part: A, N, Q.

But for P they can stand in a decoder, as its Transformer layer, drawn in the same way.
"""

from __future__ import annotations

import math

from fairseq.models.transformer import TransformerConfig
from torch import nn

from trainable.layers.encoder_layer import EncoderLayer
from trainable.reservoirs.builders import builds_reservoir
from trainable.reservoirs.draw import ONE_MATRIX, Matrices

ATTENTION_INPUTS = ("q_proj.weight", "k_proj.weight", "v_proj.weight")
# fairseq scales the three input projections of attention by this (MultiheadAttention).
ATTENTION_INPUT = Matrices(xavier_scale=1 / math.sqrt(2))


def matrices(tensor: str) -> Matrices:
    """Matrices in a tensor; the bound of attention's input projections is fairseq's."""
    return ATTENTION_INPUT if tensor.endswith(ATTENTION_INPUTS) else ONE_MATRIX


@builds_reservoir("R", matrices=matrices)
@builds_reservoir("A", matrices=matrices)
@builds_reservoir("N", matrices=matrices)
@builds_reservoir("Q", matrices=matrices)
@builds_reservoir("P", matrices=matrices)
def build(cfg: TransformerConfig) -> nn.Module:
    """Encoder layer of fairseq, not yet frozen in whole or in part.

    Source:
        "Transformer Reservoir", Shen et al. 2021 (arXiv:2012.15045), section 2.2.
    """
    layer: nn.Module = EncoderLayer(cfg)
    return layer
