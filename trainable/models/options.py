"""Options of the model in fairseq's terms, and their conversion from ours.

fairseq reads the field types at run time, so annotations are not postponed in this file.
"""

from argparse import Namespace
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Optional

from fairseq.dataclass import FairseqDataclass
from fairseq.models.transformer import TransformerConfig
from omegaconf import II, DictConfig, OmegaConf

from spaces.dimensions import MAX_SRC_POSITIONS
from spaces.kinds import decoder_letters, listed
from trainable.config import ModelConfig
from trainable.private.fairseq import without_private
from trainable.reservoirs.draw import Draw


def _option(default: Any, description: str) -> Any:
    return field(default=default, metadata={"help": description})


@dataclass
class ReservoirEncoderConfig(FairseqDataclass):  # type: ignore[misc]
    """Model options of `fairseq-train --arch` for a model that is an encoder and a head.

    Names and defaults are fairseq's, except for the number of layers, which follows from the
    layout. It is not frozen, since fairseq fills such a class in place.
    """

    encoder_layout: str = _option("LLLLLL", "layers of the encoder, bottom to top")
    reservoir_seed: int = _option(1, "random seed of the reservoirs' weights")
    reservoir_gain: float = _option(1.0, "factor on the reservoirs' weights")
    reservoir_draw: str = _option(
        "xavier", "distribution of the reservoirs' weights: xavier, fairseq, orthogonal or sparse"
    )
    reservoir_density: float = _option(
        0.1, "share of nonzero weights in sparse reservoirs, above 0 to 1"
    )
    reservoir_backward: str = _option(
        "through", "gradients of the encoder's reservoirs: through or around (backskipping)"
    )
    reservoir_dropout: str = _option("off", "dropout inside reservoirs: off or on")
    encoder_embed_dim: int = _option(512, "encoder embedding dimension")
    encoder_ffn_embed_dim: int = _option(2048, "encoder embedding dimension for FFN")
    encoder_attention_heads: int = _option(8, "number of attention heads of the encoder")
    encoder_normalize_before: bool = _option(False, "apply layernorm before each encoder block")
    embedding_dim: Optional[int] = _option(  # noqa: UP045 - fairseq reads no other form
        None, "factorised embeddings: width of the tables, the encoder's if absent"
    )
    activation_fn: str = _option("relu", "activation function of the Transformer layers")
    dropout: float = _option(0.1, "dropout probability")
    attention_dropout: float = _option(0.0, "dropout probability for attention weights")
    attention: str = _option(
        "softmax", "self-attention of the encoder: softmax, performer or linformer"
    )
    attention_features: int = _option(64, "random features of each head of a Performer")
    attention_length: int = _option(32, "positions that Linformer projects keys and values to")
    attention_sharing: str = _option(
        "none", "Linformer's projections: each layer's own (none), or one for all layers (all)"
    )
    activation_dropout: float = _option(0.0, "dropout probability after activation in FFN")
    max_source_positions: int = _option(
        MAX_SRC_POSITIONS, "max number of tokens in the source sequence"
    )


@dataclass
class ReservoirTransformerConfig(ReservoirEncoderConfig):
    """Model options of `fairseq-train --arch reservoir_transformer`, with the decoder's."""

    decoder_layout: str = _option(
        "LLLLLL", f"layers of the decoder, bottom to top; {listed(decoder_letters(), 'and')}"
    )
    decoder_embed_dim: int = _option(II("model.encoder_embed_dim"), "decoder embedding dimension")
    decoder_ffn_embed_dim: int = _option(
        II("model.encoder_ffn_embed_dim"), "decoder embedding dimension for FFN"
    )
    decoder_attention_heads: int = _option(8, "number of attention heads of the decoder")
    decoder_normalize_before: bool = _option(False, "apply layernorm before each decoder block")
    share_decoder_input_output_embed: bool = _option(
        False, "share decoder input and output embeddings"
    )
    share_all_embeddings: bool = _option(
        False, "share encoder, decoder and output embeddings (requires shared dictionary)"
    )
    max_target_positions: int = _option(1024, "max number of tokens in the target sequence")


def fairseq_options(config: ModelConfig, *, seed: int) -> ReservoirTransformerConfig:
    """Options in fairseq's terms for the model ``config``, with ``seed`` for its reservoirs."""
    return ReservoirTransformerConfig(
        **_encoder_values(config, seed),
        decoder_layout=str(config.decoder),
        decoder_embed_dim=config.d_model,
        decoder_ffn_embed_dim=config.ffn,
        decoder_attention_heads=config.heads,
        decoder_normalize_before=config.norm == "pre",
        share_decoder_input_output_embed=config.tied != "none",
        share_all_embeddings=config.tied == "all",
    )


def encoder_options(config: ModelConfig, *, seed: int) -> ReservoirEncoderConfig:
    """``fairseq_options`` of a model without a decoder."""
    return ReservoirEncoderConfig(**_encoder_values(config, seed))


def _encoder_values(config: ModelConfig, seed: int) -> dict[str, Any]:
    return {
        "encoder_layout": str(config.encoder),
        "reservoir_seed": seed,
        "reservoir_gain": config.reservoir_gain,
        "reservoir_draw": config.reservoir_draw,
        "reservoir_density": config.reservoir_density,
        "reservoir_backward": config.reservoir_backward,
        "reservoir_dropout": config.reservoir_dropout,
        "encoder_embed_dim": config.d_model,
        "embedding_dim": config.embedding_dim,
        "encoder_ffn_embed_dim": config.ffn,
        "encoder_attention_heads": config.heads,
        "encoder_normalize_before": config.norm == "pre",
        "dropout": config.dropout,
        "attention_dropout": config.attention_dropout,
        "attention": config.attention,
        "attention_features": config.attention_features,
        "attention_length": config.attention_length,
        "attention_sharing": config.attention_sharing,
        "activation_dropout": config.activation_dropout,
    }


def command_line(
    options: ReservoirEncoderConfig, *, arch: str = "reservoir_transformer"
) -> list[str]:
    """Arguments of `fairseq-train` for ``options``, `--arch` first, defaults included."""
    words = ["--arch", arch]
    for name, value in option_values(options).items():
        flag = "--" + name.replace("_", "-")
        if value is True:
            words.append(flag)
        elif value is not False and value is not None:
            words += [flag, str(value)]
    return words


def option_values(options: ReservoirEncoderConfig | DictConfig) -> dict[str, Any]:
    """Values of ``options`` by name, without fairseq's private ones."""
    values: Mapping[Any, Any]
    if isinstance(options, DictConfig):
        values = OmegaConf.to_container(options, resolve=True)  # type: ignore[assignment]
    else:
        values = asdict(options)
    return without_private(values)


def transformer_config(options: ReservoirEncoderConfig | DictConfig) -> TransformerConfig:
    """Configuration of fairseq's Transformer classes for ``options``.

    The numbers of layers are zero, so that fairseq builds none. The configuration also holds
    the options that fairseq does not know: ``encoder_layout``, ``decoder_layout``,
    ``embedding_dim`` and all that begin with ``reservoir`` or ``attention``.
    """
    values = option_values(options)
    width = values.get("decoder_embed_dim", values["encoder_embed_dim"])
    values["embedding_dim"] = values["embedding_dim"] or width
    return TransformerConfig.from_namespace(
        Namespace(
            **values,
            encoder_layers=0,
            decoder_layers=0,
            decoder_input_dim=width,
            decoder_output_dim=values["embedding_dim"],
        )
    )


def reservoir_draw(cfg: TransformerConfig) -> Draw:
    """Distribution of the reservoirs' weights, from the options in ``cfg``."""
    return Draw(way=cfg.reservoir_draw, gain=cfg.reservoir_gain, density=cfg.reservoir_density)
