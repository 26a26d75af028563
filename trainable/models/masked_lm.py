"""The model that is registered in fairseq as `reservoir_masked_lm`.

Shapes: S tokens, B batch, D model, E embedding, V vocabulary, N masked tokens.
"""

from __future__ import annotations

from fairseq.models import register_model
from fairseq.models.transformer import Linear
from torch import Tensor
from torch.nn import functional as F

from trainable.models.embeddings import WidenedEmbedding
from trainable.models.encoder import ReservoirEncoder
from trainable.models.encoder_model import EncoderModel
from trainable.models.options import ReservoirEncoderConfig


@register_model("reservoir_masked_lm", dataclass=ReservoirEncoderConfig)
class ReservoirMaskedLM(EncoderModel):
    """An encoder whose head is its own embedding table.

    With factorised embeddings a matrix narrows the states to the table's width.
    """

    def __init__(self, encoder: ReservoirEncoder) -> None:
        super().__init__(encoder)
        self.narrow = None
        if isinstance(encoder.embed_tokens, WidenedEmbedding):
            width = encoder.embed_tokens.table.embedding_dim
            self.narrow = Linear(self.d_model, width, bias=False)

    @property
    def output_weight(self) -> Tensor:
        """The output projection, which is the embedding table: V, E."""
        embedding = self.encoder.embed_tokens
        table = embedding.table if isinstance(embedding, WidenedEmbedding) else embedding
        weight: Tensor = table.weight
        return weight

    def forward(
        self,
        src_tokens: Tensor,
        src_lengths: Tensor | None = None,
        masked_tokens: Tensor | None = None,
        features_only: bool = False,
        src_id: Tensor | None = None,
    ) -> tuple[Tensor, None]:
        """Scores of all words: B, S, V, or N, V; with ``features_only`` before the projection.

        Args:
            src_tokens: B, S.
            src_lengths: not used; fairseq passes it.
            masked_tokens: B, S; True at the positions to project, all if None.
            features_only: leave the projection out: B, S, E, a view of S, B, E.
            src_id: not used; fairseq passes it.
        """
        states_SBE = self.encoder(src_tokens)["encoder_out"][0]
        if self.narrow is not None:
            states_SBE = self.narrow(states_SBE)
        states_BSE = states_SBE.transpose(0, 1)
        if features_only:
            return states_BSE, None
        chosen = states_BSE if masked_tokens is None else states_BSE[masked_tokens]
        return F.linear(chosen, self.output_weight), None
