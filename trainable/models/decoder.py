"""fairseq's Transformer decoder with the layers of a layout."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from fairseq.data import Dictionary
from fairseq.models.transformer import TransformerConfig, TransformerDecoderBase
from torch import Tensor, nn

from spaces.layout import Layout
from trainable.layers.attention import Attention, KeysAndValues, future_mask, padding_mask
from trainable.layers.dropout import Dropout
from trainable.layers.encoder_layer import layer_config
from trainable.layers.sublayers import SubLayers
from trainable.models.encoder import EncoderOut
from trainable.models.options import reservoir_draw
from trainable.models.stack import build_stack
from trainable.models.token_states import Memory, TokenState, TokenStateT
from trainable.private.fairseq import TransformerDecoderLayerBase

# Cached keys and values of the tokens so far: fairseq's own dictionary for one depth.
State = dict[str, Any]


class ReservoirDecoder(TransformerDecoderBase):  # type: ignore[misc]
    """A decoder whose depth, kinds and sharing follow ``layout``.

    fairseq looks up the keys and values of earlier tokens by the layer's identity, so two
    depths with one shared layer would read each other's. Here each depth has its own part of
    the incremental state.
    """

    def __init__(
        self, cfg: TransformerConfig, dictionary: Dictionary, embed_tokens: Any, layout: Layout
    ) -> None:
        layers = build_stack(
            layout,
            stack="decoder",
            seed=cfg.reservoir_seed,
            draw=reservoir_draw(cfg),
            build=lambda kind: build_decoder_layer(kind, cfg),
        )
        super().__init__(cfg, dictionary, embed_tokens)
        self.dropout_module = Dropout(cfg.dropout)
        self.layers.extend(layers)
        self.num_layers = len(layers)

    def extract_features_scriptable(
        self,
        prev_output_tokens: Tensor,
        encoder_out: EncoderOut | None,
        incremental_state: State | None = None,
        full_context_alignment: bool = False,
        alignment_layer: int | None = None,
        alignment_heads: int | None = None,
    ) -> Any:
        """Features for the output projection, B, T, D, and extra outputs, as fairseq returns them.

        Whole sentences take our faster forward pass, without attention weights. Fairseq's own
        is used with an ``incremental_state`` (one token at a time, B, 1, D; each depth uses
        its own part of the state), with ``full_context_alignment``, and without an encoder.

        Args:
            prev_output_tokens: B, T; target tokens shifted by one, with padding on the right.
            encoder_out: output of the encoder (``EncoderOut``).
            incremental_state: cached keys and values of earlier tokens; it is updated.
            full_context_alignment: attend to later target tokens too.
            alignment_layer, alignment_heads: see fairseq, as for ``full_context_alignment``.
        """
        if incremental_state is None and encoder_out is not None and not full_context_alignment:
            return self._features(prev_output_tokens, encoder_out), {"attn": [None]}
        return super().extract_features_scriptable(
            prev_output_tokens,
            encoder_out,
            None if incremental_state is None else DepthStates(incremental_state),
            full_context_alignment,
            alignment_layer,
            alignment_heads,
        )

    def _features(self, tokens_BT: Tensor, encoder_out: EncoderOut) -> Tensor:
        """Features for the output projection at all positions of whole sentences: B, T, D."""
        embedded_BTD = self._embed(tokens_BT)
        x_BTD = self.dropout_module(embedded_BTD + self.embed_positions(tokens_BT))
        x_TBD = x_BTD.transpose(0, 1).contiguous()
        memory_SBD, memory_mask = _memory(encoder_out)
        # Padding needs no mask: it is on the right, where the causal mask hides it.
        mask = future_mask(len(x_TBD), x_TBD)
        for layer in self.layers:
            x_TBD = layer.whole_sentences(x_TBD, memory_SBD, mask, memory_mask)
        return self._close(x_TBD).transpose(0, 1)

    def _embed(self, tokens: Tensor) -> Tensor:
        """Token embeddings of the model's width, without positions."""
        embedded: Tensor = self.embed_scale * self.embed_tokens(tokens)
        return embedded if self.project_in_dim is None else self.project_in_dim(embedded)

    def _close(self, x: Tensor) -> Tensor:
        """Features for the output projection, from the last layer's output."""
        features = x if self.layer_norm is None else self.layer_norm(x)
        return features if self.project_out_dim is None else self.project_out_dim(features)

    def first_state(
        self, kind: type[TokenStateT], encoder_out: EncoderOut, n_positions: int
    ) -> TokenStateT:
        """Initial state of greedy decoding, for up to ``n_positions`` target positions."""
        memory_SBD, memory_mask = _memory(encoder_out)
        source = [layer.encoder_attn.keys_and_values(memory_SBD) for layer in self.layers]
        some_tokens_1T = torch.full((1, n_positions), self.dictionary.eos())  # no padding
        return kind(
            source=source,
            source_mask=memory_mask,
            target=[part.zeros(n_positions) for part in source],
            positions=self.embed_positions(some_tokens_1T.to(memory_SBD.device))[0],
        )

    def next_features(self, tokens_B: Tensor, state: TokenState) -> Tensor:
        """Features for the token after ``tokens_B``, B, D; ``state`` is updated.

        ``tokens_B`` are the last tokens, one per sentence.
        """
        x_BD = self._embed(tokens_B) + state.advance()
        for depth, layer in enumerate(self.layers):
            x_BD = layer.next_token(
                x_BD, partial(state.extend, depth), state.source[depth], state.source_mask
            )
        return self._close(x_BD)

    def reorder_incremental_state_scripting(
        self, incremental_state: State, new_order: Tensor
    ) -> None:
        """Reorder the cached keys and values of all depths along with the beams."""
        states = DepthStates(incremental_state)
        for layer in self.layers:
            state = states.next_depth()
            for module in layer.modules():
                if hasattr(module, "reorder_incremental_state"):
                    module.reorder_incremental_state(state, new_order)


def _memory(encoder_out: EncoderOut) -> tuple[Tensor, Tensor | None]:
    """Encoder output that the decoder attends to, S, B, D, and its padding mask, B, 1, 1, S."""
    memory_SBD = encoder_out["encoder_out"][0]
    return memory_SBD, padding_mask(encoder_out["encoder_padding_mask"][0], memory_SBD.dtype)


class DepthStates:
    """Incremental state of one pass through a decoder, with a part for each depth."""

    def __init__(self, incremental_state: State) -> None:
        self._states = incremental_state
        self._depth = 0

    def next_depth(self) -> State:
        """Part of the next depth, from the bottom up; initially empty."""
        state: State = self._states.setdefault(f"depth{self._depth}", {})
        self._depth += 1
        return state


class DecoderLayer(SubLayers, TransformerDecoderLayerBase):  # type: ignore[misc]
    """fairseq's decoder layer, with the same parameters and a faster forward pass."""

    def __init__(self, cfg: TransformerConfig) -> None:
        super().__init__(cfg)
        self.use_cheap_dropout(cfg.dropout, cfg.activation_dropout)

    def build_self_attention(
        self, embed_dim: int, cfg: TransformerConfig, **options: Any
    ) -> Attention:
        """Our attention with fairseq's initial weights."""
        return Attention(
            embed_dim,
            cfg.decoder.attention_heads,
            dropout=cfg.attention_dropout,
            self_attention=True,
        )

    def build_encoder_attention(self, embed_dim: int, cfg: TransformerConfig) -> Attention:
        """Our attention with fairseq's initial weights."""
        return Attention(
            embed_dim,
            cfg.decoder.attention_heads,
            kdim=cfg.encoder.embed_dim,
            vdim=cfg.encoder.embed_dim,
            dropout=cfg.attention_dropout,
            encoder_decoder_attention=True,
        )

    def whole_sentences(
        self, x_TBD: Tensor, memory_SBD: Tensor, mask: Tensor, memory_mask: Tensor | None
    ) -> Tensor:
        """Output of the layer at all positions of whole sentences: T, B, D."""
        return self._sub_layers(
            x_TBD,
            lambda x: self.self_attn.attend(x, x, mask),
            lambda x: self.encoder_attn.attend(x, memory_SBD, memory_mask),
        )

    def next_token(
        self,
        x_BD: Tensor,
        extend_target: Callable[[KeysAndValues], Memory],
        source: KeysAndValues,
        source_mask: Tensor | None,
    ) -> Tensor:
        """Output of the layer at the last position: B, D.

        ``extend_target`` keeps the position's keys and values and gives those so far.
        """

        def attend_itself(x_BD: Tensor) -> Tensor:
            target, mask = extend_target(self.self_attn.keys_and_values(x_BD.unsqueeze(0)))
            seen_BD: Tensor = self.self_attn.attend_next(x_BD, target, mask)
            return seen_BD

        return self._sub_layers(
            x_BD,
            attend_itself,
            lambda x: self.encoder_attn.attend_next(x, source, source_mask),
        )

    def _sub_layers(
        self,
        x: Tensor,
        attend_target: Callable[[Tensor], Tensor],
        attend_source: Callable[[Tensor], Tensor],
    ) -> Tensor:
        """Output of the three sub-layers, with the given functions for the two attentions."""
        x = self.residual(self.self_attn_layer_norm, x, attend_target)
        x = self.residual(self.encoder_attn_layer_norm, x, attend_source)
        return self.residual(self.final_layer_norm, x, self.feed_forward)

    def forward(
        self,
        x: Tensor,
        encoder_out: Tensor | None = None,
        encoder_padding_mask: Tensor | None = None,
        incremental_state: DepthStates | None = None,
        **options: Any,
    ) -> Any:
        """Output of fairseq's own layer, with this depth's part of the incremental state."""
        state = None if incremental_state is None else incremental_state.next_depth()
        return super().forward(x, encoder_out, encoder_padding_mask, state, **options)


def build_decoder_layer(kind: str, cfg: TransformerConfig) -> nn.Module:
    """A new layer of ``kind`` with fairseq's initial weights, not yet frozen."""
    layer: nn.Module = DecoderLayer(layer_config(kind, cfg))
    return layer
