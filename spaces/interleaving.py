"""Patterns of reservoirs and learned layers in a stack."""

from __future__ import annotations

FREE = "free"  # no pattern: the kind at each depth is a choice of its own

PATTERNS = (
    "alternating-r-first",
    "alternating-l-first",
    "bottom",
    "top",
    "middle",
    "even",
)
INTERLEAVINGS = (*PATTERNS, FREE)


def reservoir_depths(pattern: str, *, depth: int, n_reservoirs: int) -> tuple[int, ...]:
    """Depths of ``n_reservoirs`` reservoirs in a stack of ``depth`` layers, bottom first.

    ``alternating-*``: turn by turn from the bottom until either kind is used up; the other
    fills the rest. ``middle``: one block, half of the learned layers (rounded down) below it.
    ``even``: the stack is cut into as many near-equal blocks as there are reservoirs, with one
    at the bottom of each block; 2 of 8 are the paper's ``RLLLRLLL``.

    Raises:
        ValueError: there are more reservoirs than layers, or no such pattern.
    """
    if not 0 <= n_reservoirs <= depth:
        raise ValueError(f"{n_reservoirs} reservoirs do not fit a stack {depth} deep")
    return tuple(
        i + _learned_below(pattern, i, n_reservoirs, depth - n_reservoirs)
        for i in range(n_reservoirs)
    )


def _learned_below(pattern: str, i: int, n_reservoirs: int, n_learned: int) -> int:
    """Number of learned layers below the i-th reservoir, counted from 0."""
    match pattern:
        case "alternating-r-first":
            return min(i, n_learned)
        case "alternating-l-first":
            return min(i + 1, n_learned)
        case "bottom":
            return 0
        case "top":
            return n_learned
        case "middle":
            return n_learned // 2
        case "even":
            return i * n_learned // n_reservoirs
    raise ValueError(f"no pattern is called {pattern!r}")
