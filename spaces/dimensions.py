"""Sizes of a model other than its layouts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from spaces.errors import UserError

Norm = Literal["pre", "post"]
Tied = Literal["none", "decoder", "all"]


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
