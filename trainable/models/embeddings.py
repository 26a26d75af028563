"""Factorised embeddings: a narrow table and a matrix that widens it."""

from __future__ import annotations

from fairseq.models.transformer import Linear
from torch import Tensor, nn


class WidenedEmbedding(nn.Module):
    """Factorised embedding: a token's row of ``table``, projected to the model's width.

    fairseq's decoder has such a projection built in; its encoder gets this module.

    Source:
        "Factorized embedding parameterization", Lan et al. 2019 (arXiv:1909.11942), section 3.1.
    """

    def __init__(self, table: nn.Embedding, d_model: int) -> None:
        super().__init__()
        self.table = table
        self.project = Linear(table.embedding_dim, d_model, bias=False)
        self.embedding_dim = d_model  # fairseq reads it
        self.padding_idx = table.padding_idx

    def forward(self, tokens: Tensor) -> Tensor:
        """Embeddings of tokens (any shape), with the model's width as an added last dimension."""
        widened: Tensor = self.project(self.table(tokens))
        return widened
