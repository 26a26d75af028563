"""What models without a decoder have in common: an encoder with the layers of a layout."""

from __future__ import annotations

from typing import Any, Self

from fairseq.data import Dictionary
from fairseq.models import BaseFairseqModel
from torch import Tensor

from trainable.models.encoder import ReservoirEncoder
from trainable.models.options import ReservoirEncoderConfig, transformer_config
from trainable.models.reservoir_transformer import ReservoirTransformer
from trainable.private.fairseq import gen_parser_from_dataclass
from trainable.private.torch import leave_to_each_rank


class EncoderModel(BaseFairseqModel):  # type: ignore[misc]
    """An encoder; subclasses add a head and its ``forward``."""

    def __init__(self, encoder: ReservoirEncoder) -> None:
        super().__init__()
        self.encoder = encoder
        # Every rank draws the reservoirs itself, so DDP need not broadcast them at its start.
        leave_to_each_rank(self, self.reservoir_tensors())

    @classmethod
    def add_args(cls, parser: Any) -> None:
        """Add the options of the model to fairseq's command line."""
        gen_parser_from_dataclass(parser, ReservoirEncoderConfig(), delete_default=True)

    @classmethod
    def build_model(cls, cfg: Any, task: Any) -> Self:
        """New model with learned weights from torch's global generator.

        Args:
            cfg: a ReservoirEncoderConfig, or the configuration of a checkpoint.
            task: an object with a `source_dictionary`.

        Raises:
            LayoutError: the layout is not valid.
        """
        config, dictionary = transformer_config(cfg), task.source_dictionary
        embedding = ReservoirTransformer.build_embedding(
            config, dictionary, config.encoder.embed_dim
        )
        return cls(ReservoirTransformer.build_encoder(config, dictionary, embedding))

    @property
    def d_model(self) -> int:
        """Width of the encoder's states."""
        return int(self.encoder.embed_tokens.embedding_dim)

    def max_positions(self) -> int:
        """Number of tokens of the longest sentence that fairseq gives the model."""
        return int(self.encoder.max_positions())

    def reservoir_tensors(self) -> dict[str, Tensor]:
        """Tensors of the reservoirs by name; those of a shared reservoir once."""
        return {
            f"encoder.layers.{name}": tensor for name, tensor in self.encoder.layers.named_buffers()
        }


class SourceDictionary:
    """Dictionary of an encoder, as fairseq's model builders take it."""

    def __init__(self, dictionary: Dictionary) -> None:
        self.source_dictionary = dictionary
