"""The model that is registered in fairseq as `reservoir_classifier`.

Shapes: S tokens, B batch, D model, N labels.
"""

from __future__ import annotations

from typing import Any

from fairseq.models import register_model
from fairseq.models.transformer import Linear
from torch import Tensor, nn

from trainable.models.encoder import ReservoirEncoder
from trainable.models.encoder_model import EncoderModel
from trainable.models.options import ReservoirEncoderConfig

HEAD = "sentence_classification_head"  # fairseq's name for the head of `sentence_prediction`


@register_model("reservoir_classifier", dataclass=ReservoirEncoderConfig)
class ReservoirClassifier(EncoderModel):
    """An encoder, the mean of its states over the tokens, and a linear map to the labels."""

    def __init__(self, encoder: ReservoirEncoder) -> None:
        super().__init__(encoder)
        self.classification_heads = nn.ModuleDict()

    def register_classification_head(self, name: str, num_classes: int, **_: Any) -> None:
        """Add a head; fairseq's task calls this once the model is built."""
        self.classification_heads[name] = Linear(self.d_model, num_classes)

    def forward(
        self,
        src_tokens: Tensor,
        src_lengths: Tensor | None = None,
        features_only: bool = True,  # fairseq passes it
        classification_head_name: str = HEAD,
    ) -> tuple[Tensor, None]:
        """Scores of the labels: B, N.

        Args:
            src_tokens: B, S.
            src_lengths, features_only: not used; fairseq passes them.
            classification_head_name: name of the head.
        """
        encoded = self.encoder(src_tokens)
        states_SBD, padding_BS = encoded["encoder_out"][0], encoded["encoder_padding_mask"][0]
        inside_SB1 = padding_BS.logical_not().t().unsqueeze(-1).to(states_SBD.dtype)
        pooled_BD = (states_SBD * inside_SB1).sum(dim=0) / inside_SB1.sum(dim=0)
        scores_BN: Tensor = self.classification_heads[classification_head_name](pooled_BD)
        return scores_BN, None
