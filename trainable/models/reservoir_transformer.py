"""The model that is registered in fairseq as `reservoir_transformer`."""

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

    With unshared learned layers only, it equals fairseq's `transformer`: the same parameters
    by the same names, drawn in the same order.
    """

    def __init__(
        self, cfg: TransformerConfig, encoder: ReservoirEncoder, decoder: ReservoirDecoder
    ) -> None:
        super().__init__(cfg, encoder, decoder)
        # Every rank draws the reservoirs itself, so DDP need not broadcast them at its start.
        leave_to_each_rank(self, self.reservoir_tensors())

    @classmethod
    def add_args(cls, parser: Any) -> None:
        """Add the options of the model to fairseq's command line."""
        gen_parser_from_dataclass(parser, ReservoirTransformerConfig(), delete_default=True)

    @classmethod
    def build_model(cls, cfg: Any, task: Any) -> ReservoirTransformer:
        """New model with learned weights from torch's global generator.

        Args:
            cfg: a ReservoirTransformerConfig, or the configuration of a checkpoint.
            task: an object with a `source_dictionary` and a `target_dictionary`.

        Raises:
            LayoutError: a layout is not valid, or its decoder cannot attend to the encoder.
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
        """Embedding table of the width ``cfg.embedding_dim``; ``embed_dim`` is the stack's."""
        return super().build_embedding(cfg, dictionary, cfg.embedding_dim, path)

    @classmethod
    def build_encoder(
        cls, cfg: TransformerConfig, src_dict: Dictionary, embed_tokens: Any
    ) -> ReservoirEncoder:
        """Encoder with the layout ``cfg.encoder_layout``."""
        if embed_tokens.embedding_dim != cfg.encoder.embed_dim:
            embed_tokens = WidenedEmbedding(embed_tokens, cfg.encoder.embed_dim)
        return ReservoirEncoder(cfg, src_dict, embed_tokens, resolve_layout(cfg.encoder_layout))

    @classmethod
    def build_decoder(
        cls, cfg: TransformerConfig, tgt_dict: Dictionary, embed_tokens: Any
    ) -> ReservoirDecoder:
        """Decoder with the layout ``cfg.decoder_layout``.

        Raises:
            LayoutError: the layout is not valid, or a layer cannot attend to the encoder.
        """
        layout = Layout.parse(cfg.decoder_layout)
        check_decoder(layout)
        return ReservoirDecoder(cfg, tgt_dict, embed_tokens, layout)

    def reservoir_tensors(self) -> dict[str, Any]:
        """Tensors of the reservoirs by name; those of a shared reservoir once."""
        stacks = {"encoder.layers": self.encoder.layers, "decoder.layers": self.decoder.layers}
        return {
            f"{stack}.{name}": tensor
            for stack, layers in stacks.items()
            for name, tensor in layers.named_buffers()
        }
