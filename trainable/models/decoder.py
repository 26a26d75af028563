"""fairseq's Transformer decoder with the layers of a layout."""

from __future__ import annotations

from typing import Any

import torch
from fairseq.data import Dictionary
from fairseq.models.transformer import TransformerConfig
from fairseq.models.transformer.transformer_decoder import TransformerDecoderBase
from fairseq.modules.transformer_layer import TransformerDecoderLayerBase
from torch import nn

from spaces.layout import Layout
from trainable.models.encoder import without_dropout
from trainable.models.stack import build_stack

# What a decoder remembers of the tokens so far: fairseq's own dictionary for one depth.
State = dict[str, Any]


class ReservoirDecoder(TransformerDecoderBase):  # type: ignore[misc]
    """A decoder whose depth, kinds and sharing follow ``layout``.

    fairseq finds the keys and values of the tokens so far by the layer's identity, so two
    depths with one layer would read each other's. Here each depth has a state of its own
    within the incremental state.
    """

    def __init__(
        self, cfg: TransformerConfig, dictionary: Dictionary, embed_tokens: Any, layout: Layout
    ) -> None:
        layers = build_stack(
            layout,
            stack="decoder",
            seed=cfg.reservoir_seed,
            gain=cfg.reservoir_gain,
            build=lambda kind: build_decoder_layer(kind, cfg),
        )
        super().__init__(cfg, dictionary, embed_tokens)
        self.layers.extend(layers)
        self.num_layers = len(layers)

    def extract_features_scriptable(
        self,
        prev_output_tokens: torch.Tensor,
        encoder_out: dict[str, list[torch.Tensor]] | None,
        incremental_state: State | None = None,
        full_context_alignment: bool = False,
        alignment_layer: int | None = None,
        alignment_heads: int | None = None,
    ) -> Any:
        """The features, with the incremental state handed out depth by depth."""
        return super().extract_features_scriptable(
            prev_output_tokens,
            encoder_out,
            None if incremental_state is None else DepthStates(incremental_state),
            full_context_alignment,
            alignment_layer,
            alignment_heads,
        )

    def reorder_incremental_state_scripting(
        self, incremental_state: State, new_order: torch.Tensor
    ) -> None:
        """Follow the beams: reorder what every depth remembers."""
        states = DepthStates(incremental_state)
        for layer in self.layers:
            state = states.next_depth()
            for module in layer.modules():
                if hasattr(module, "reorder_incremental_state"):
                    module.reorder_incremental_state(state, new_order)


class DepthStates:
    """The incremental state of one pass through a decoder, one part for each depth."""

    def __init__(self, incremental_state: State) -> None:
        self._states = incremental_state
        self._depth = 0

    def next_depth(self) -> State:
        """The part of the next depth, counted from the bottom; empty at first."""
        state: State = self._states.setdefault(f"depth{self._depth}", {})
        self._depth += 1
        return state


class DecoderLayer(TransformerDecoderLayerBase):  # type: ignore[misc]
    """fairseq's decoder layer that takes its depth's part of the incremental state."""

    def forward(
        self,
        x: torch.Tensor,
        encoder_out: torch.Tensor | None = None,
        encoder_padding_mask: torch.Tensor | None = None,
        incremental_state: DepthStates | None = None,
        **options: Any,
    ) -> Any:
        """The arguments and the result of fairseq's layer."""
        state = None if incremental_state is None else incremental_state.next_depth()
        return super().forward(x, encoder_out, encoder_padding_mask, state, **options)


def build_decoder_layer(kind: str, cfg: TransformerConfig) -> nn.Module:
    """A new layer of ``kind`` with fairseq's initial weights; reservoirs have no dropout."""
    layer: nn.Module = DecoderLayer(cfg if kind == "L" else without_dropout(cfg))
    return layer
