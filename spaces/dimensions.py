"""Sizes of a model other than its layouts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from spaces.errors import UserError

Norm = Literal["pre", "post"]
Tied = Literal["none", "decoder", "all"]
AttentionWay = Literal["softmax", "performer", "linformer"]
ProjectionSharing = Literal["none", "all"]
MAX_SRC_POSITIONS = 1024  # tokens of the longest source, which Linformer's projections cover


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """Self-attention of the encoder's Transformer layers.

    Args:
        way: "softmax", "performer" or "linformer".
        n_features: random features of a Performer's head.
        length: positions that Linformer projects keys and values to.
        sharing: Linformer's projections: two in each layer ("none"), or one for keys and values
            and all layers that learn it ("all"); a frozen layer has its own one.
    """

    way: AttentionWay = "softmax"
    n_features: int = 64
    length: int = 32
    sharing: ProjectionSharing = "none"

    def n_keys(self, n_tokens: float) -> float:
        """Number of keys, or features in their place, that a query of ``n_tokens`` meets."""
        return {"softmax": n_tokens, "performer": self.n_features, "linformer": self.length}[
            self.way
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimensions:
    """Sizes that determine parameters and FLOPs, together with the layouts.

    Args:
        d_model: width of every layer.
        ffn: inner width of the feed-forward blocks, in encoder and decoder.
        heads: number of heads of every attention and of the convolution reservoir.
        src_rows, tgt_rows: entries of the two dictionaries, special symbols included.
        embedding_dim: width of the embeddings where they are factorised, with a matrix to the
            model's width and back; ``d_model`` if absent.
        norm: LayerNorm before each block ("pre"; a final one closes each stack) or after it.
        tied: embeddings that are one matrix: "none" (the output projection is separate),
            "decoder" (its input and output), or "all" (the source's too, from a joined
            dictionary).
        attention: self-attention of the encoder.

    Raises:
        UserError: impossible sizes, one line each.
    """

    d_model: int
    ffn: int
    heads: int
    src_rows: int
    tgt_rows: int
    norm: Norm
    tied: Tied
    embedding_dim: int | None = None
    attention: Attention = Attention()

    def __post_init__(self) -> None:
        if faults := self._faults():
            raise UserError("\n".join(faults))

    @property
    def factors(self) -> int | None:
        """Width of factorised embeddings; None if they are not factorised."""
        return None if self.embedding_dim in (None, self.d_model) else self.embedding_dim

    def _faults(self) -> list[str]:
        sizes = ("d_model", "ffn", "heads", "src_rows", "tgt_rows")
        faults = [
            f"{name} {getattr(self, name)}: must be positive"
            for name in sizes
            if getattr(self, name) < 1
        ]
        if self.heads > 0 and self.d_model % (2 * self.heads):
            faults.append(
                f"d_model {self.d_model}: must be a multiple of 2 x heads = {2 * self.heads}"
            )
        if self.embedding_dim is not None and not 1 <= self.embedding_dim <= self.d_model:
            faults.append(
                f"embedding_dim {self.embedding_dim}: must be 1 to d_model {self.d_model}"
            )
        if self.tied == "all" and self.src_rows != self.tgt_rows:
            faults.append(
                f"tied 'all': needs one joined dictionary, but src_rows is {self.src_rows} and "
                f"tgt_rows {self.tgt_rows}; use 'decoder'"
            )
        return faults
