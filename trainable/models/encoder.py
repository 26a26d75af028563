"""fairseq's Transformer encoder with the layers of a layout."""

from __future__ import annotations

from typing import Any

import torch
from fairseq.data import Dictionary
from fairseq.models.transformer import TransformerConfig, TransformerEncoderBase
from torch import Tensor, nn

from spaces.kinds import LAYER_KINDS
from spaces.layout import Layout
from trainable.layer_drop import Depths
from trainable.layers.dropout import Dropout
from trainable.layers.encoder_layer import EncoderLayer, layer_config
from trainable.layers.linformer import share_projection
from trainable.models.options import reservoir_draw
from trainable.models.stack import build_stack
from trainable.reservoirs.backward import go_around
from trainable.reservoirs.builders import reservoir_builder
from trainable.reservoirs.random_features import draw_all_features

# Output of fairseq's encoders: "encoder_out" is S, B, D, "encoder_padding_mask" B, S.
EncoderOut = dict[str, list[Tensor]]


class ReservoirEncoder(TransformerEncoderBase):  # type: ignore[misc]
    """An encoder whose depth, kinds and sharing follow ``layout``.

    The layers draw their initial weights first, at the same point as fairseq's.
    """

    def __init__(
        self, cfg: TransformerConfig, dictionary: Dictionary, embed_tokens: Any, layout: Layout
    ) -> None:
        layers = build_stack(
            layout,
            stack="encoder",
            seed=cfg.reservoir_seed,
            draw=reservoir_draw(cfg),
            build=lambda kind: build_encoder_layer(kind, cfg),
        )
        draw_all_features(layers, seed=cfg.reservoir_seed)
        if cfg.attention_sharing == "all":
            share_projection(layers)
        if cfg.reservoir_backward == "around":
            frozen = [depth for depth, layer in enumerate(layout.layers) if layer.is_frozen]
            for reservoir in {layers[depth] for depth in frozen}:
                go_around(reservoir)
        super().__init__(cfg, dictionary, embed_tokens)
        self.dropout_module = Dropout(cfg.dropout)
        self.layers = Depths(layers)
        self.num_layers = len(layers)

    def forward_scriptable(
        self,
        src_tokens: Tensor,
        src_lengths: Tensor | None = None,
        return_all_hiddens: bool = False,
        token_embeddings: Tensor | None = None,
    ) -> EncoderOut:
        """Output of the encoder, computed without waiting for the GPU.

        fairseq's own asks the GPU whether there is any padding, in order to leave out the
        mask, and waits for the answer. Here the layers always get a mask.

        Args:
            src_tokens: B, S.
            src_lengths: not used; fairseq passes it.
            return_all_hiddens: add the states of all depths, S, B, D each.
            token_embeddings: B, S, D, in place of the embedded tokens.
        """
        padding_BS = src_tokens.eq(self.padding_idx)
        embedded_BSD, without_positions = self.forward_embedding(src_tokens, token_embeddings)
        x_SBD = embedded_BSD.masked_fill(padding_BS.unsqueeze(-1), 0.0).transpose(0, 1).contiguous()
        states = [x_SBD]
        for layer in self.layers:
            x_SBD = layer(x_SBD, encoder_padding_mask=padding_BS)
            if return_all_hiddens:
                states.append(x_SBD)
        if self.layer_norm is not None:
            x_SBD = self.layer_norm(x_SBD)
        return {
            "encoder_out": [x_SBD],
            "encoder_padding_mask": [padding_BS],
            "encoder_embedding": [without_positions],
            "encoder_states": states if return_all_hiddens else [],
            "fc_results": [],
            "src_tokens": [],
            "src_lengths": [(~padding_BS).sum(dim=1, dtype=torch.int32)[:, None]],
        }


def build_encoder_layer(kind: str, cfg: TransformerConfig) -> nn.Module:
    """A new layer of ``kind`` with fairseq's initial weights, not yet frozen."""
    if LAYER_KINDS[kind].is_reservoir:
        return reservoir_builder(kind).build(layer_config(kind, cfg))
    layer: nn.Module = EncoderLayer(layer_config(kind, cfg))
    return layer
