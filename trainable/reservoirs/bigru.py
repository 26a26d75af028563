"""The BiGRU reservoir, kind G.

Shapes: T source, B batch, D model.
"""

from __future__ import annotations

import torch
from fairseq.models.transformer import TransformerConfig
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from trainable.reservoirs.builders import builds_reservoir
from trainable.reservoirs.draw import ONE_MATRIX, Matrices
from trainable.reservoirs.residual import ResidualReservoir

GATES = Matrices(n_stacked=3)  # torch stacks a GRU's matrices of the three gates


class BiGRUReservoir(ResidualReservoir):
    """A bidirectional GRU; each direction has half the model's width.

    Raises:
        ValueError: ``d_model`` is odd.

    Source:
        "BiGRU Reservoir", Shen et al. 2021 (arXiv:2012.15045), section 2.2.
    """

    def __init__(self, d_model: int, *, normalize_before: bool, dropout: float = 0.0) -> None:
        if d_model % 2:
            raise ValueError(f"a BiGRU reservoir halves the model's width, and {d_model} is odd")
        super().__init__(d_model, normalize_before=normalize_before, dropout=dropout)
        self.gru = nn.GRU(d_model, d_model // 2, bidirectional=True)

    def transform(self, x_TBD: torch.Tensor, padding_BT: torch.Tensor | None) -> torch.Tensor:
        """Outputs of both directions over the tokens, T, B, D; zero at padding."""
        x_TBD = x_TBD.to(self.layer_norm.weight.dtype)  # a GRU takes one dtype only
        if padding_BT is None:
            out_TBD: torch.Tensor = self.gru(x_TBD)[0]
            return out_TBD
        # Moves the tokens of each sentence to its front, whichever side the padding is on.
        order_TB = padding_BT.long().argsort(dim=1, stable=True).t()
        index_TBD = order_TB.unsqueeze(-1).expand_as(x_TBD)
        n_tokens_B = (~padding_BT).sum(dim=1).clamp(min=1).cpu()
        packed = pack_padded_sequence(x_TBD.gather(0, index_TBD), n_tokens_B, enforce_sorted=False)
        front_TBD, _ = pad_packed_sequence(self.gru(packed)[0], total_length=x_TBD.size(0))
        return torch.zeros_like(front_TBD).scatter(0, index_TBD, front_TBD)


def matrices(tensor: str) -> Matrices:
    """Matrices in a tensor of the GRU: one for each gate."""
    return GATES if tensor.startswith(("gru.weight_ih_", "gru.weight_hh_")) else ONE_MATRIX


@builds_reservoir("G", matrices=matrices, fixed_shapes=False)
def build(cfg: TransformerConfig) -> nn.Module:
    """A BiGRU reservoir of the encoder's width."""
    return BiGRUReservoir(
        cfg.encoder.embed_dim,
        normalize_before=cfg.encoder.normalize_before,
        dropout=cfg.dropout,
    )
