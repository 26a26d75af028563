"""Shapes that batches are padded to, so that a corpus has few of them."""

from __future__ import annotations

from dataclasses import dataclass

MULTIPLE = 8  # of lengths: what matrix units and fused attention take without a remainder
STEPS = 4  # sizes of a batch between a power of two and the next


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """Shape of a padded batch."""

    n_rows: int
    lengths: tuple[int, ...]  # of each sequence of an example, as in ``Update.lengths``


def bucket_of(
    *, n_examples: int, lengths: tuple[int, ...], batch_tokens: int, n_shards: int = 1
) -> Bucket:
    """Bucket of each of the ``n_shards`` parts of an update.

    Lengths are rounded up to a multiple of ``MULTIPLE``, rows to a quarter of the power of
    two below them. No batch of ``batch_tokens`` has more rows than fit beside the shortest
    length of its bucket, so a bucket of length L has at most L / (L - 7) times ``batch_tokens``.
    """
    rounded = tuple(_round_up(length, MULTIPLE) for length in lengths)
    n_rows = _round_up(n_examples, n_shards) // n_shards
    shortest = max(rounded) - MULTIPLE + 1
    most = _round_up(batch_tokens // shortest, n_shards) // n_shards
    step = max(1, 2 ** (n_rows.bit_length() - 1) // STEPS)
    return Bucket(n_rows=max(n_rows, min(_round_up(n_rows, step), most)), lengths=rounded)


def _round_up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple
