"""The model that fairseq knows as `reservoir_transformer`."""

from __future__ import annotations

from typing import Any

from fairseq.data import Dictionary
from fairseq.models import register_model
from fairseq.models.transformer import TransformerConfig, TransformerModelBase

from spaces.layout import Layout, check_decoder
from spaces.presets import resolve_layout
from trainable.models.decoder import ReservoirDecoder
from trainable.models.embeddings import WidenedEmbedding
from trainable.models.encoder import ReservoirEncoder
from trainable.models.options import ReservoirTransformerConfig, transformer_config
from trainable.private.fairseq import gen_parser_from_dataclass
from trainable.private.torch import leave_to_each_rank


@register_model("reservoir_transformer", dataclass=ReservoirTransformerConfig)
class ReservoirTransformer(TransformerModelBase):  # type: ignore[misc]
    """fairseq's Transformer with layouts for its encoder and its decoder.

    With learned layers alone, none shared, it is fairseq's `transformer`: the same
    parameters by the same names, drawn in the same order.
    """

    def __init__(
        self, cfg: TransformerConfig, encoder: ReservoirEncoder, decoder: ReservoirDecoder
    ) -> None:
        super().__init__(cfg, encoder, decoder)
        # Every rank draws the reservoirs itself: they need no broadcast when DDP starts.
        leave_to_each_rank(self, self.reservoir_tensors())

    @classmethod
    def add_args(cls, parser: Any) -> None:
        """Add the options of the model to fairseq's command line."""
        gen_parser_from_dataclass(parser, ReservoirTransformerConfig(), delete_default=True)

    @classmethod
    def build_model(cls, cfg: Any, task: Any) -> ReservoirTransformer:
        """A new model, its learned weights from torch's generator.

        Args:
            cfg: a ReservoirTransformerConfig, as it is or from a checkpoint.
            task: whatever has a `source_dictionary` and a `target_dictionary`.
        """
        model: ReservoirTransformer = super().build_model(transformer_config(cfg), task)
        return model

    @classmethod
    def build_embedding(
        cls,
        cfg: TransformerConfig,
        dictionary: Dictionary,
        embed_dim: int,  # noqa: ARG003
        path: str | None = None,
    ) -> Any:
        """A table of the embeddings' own width; ``embed_dim`` is that of the stack."""
        return super().build_embedding(cfg, dictionary, cfg.embedding_dim, path)

    @classmethod
    def build_encoder(
        cls, cfg: TransformerConfig, src_dict: Dictionary, embed_tokens: Any
    ) -> ReservoirEncoder:
        """The encoder of ``cfg.encoder_layout``."""
        if embed_tokens.embedding_dim != cfg.encoder.embed_dim:
            embed_tokens = WidenedEmbedding(embed_tokens, cfg.encoder.embed_dim)
        return ReservoirEncoder(cfg, src_dict, embed_tokens, resolve_layout(cfg.encoder_layout))

    @classmethod
    def build_decoder(
        cls, cfg: TransformerConfig, tgt_dict: Dictionary, embed_tokens: Any
    ) -> ReservoirDecoder:
        """The decoder of ``cfg.decoder_layout``; UserError where it cannot decode."""
        layout = Layout.parse(cfg.decoder_layout)
        check_decoder(layout)
        return ReservoirDecoder(cfg, tgt_dict, embed_tokens, layout)

    def reservoir_tensors(self) -> dict[str, Any]:
        """The drawn tensors by name, those of a shared reservoir once."""
        stacks = {"encoder.layers": self.encoder.layers, "decoder.layers": self.decoder.layers}
        return {
            f"{stack}.{name}": tensor
            for stack, layers in stacks.items()
            for name, tensor in layers.named_buffers()
        }
