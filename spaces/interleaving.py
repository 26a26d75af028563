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
    "alternating-centred",
)
INTERLEAVINGS = (*PATTERNS, FREE)


def reservoir_depths(pattern: str, *, depth: int, n_reservoirs: int) -> tuple[int, ...]:
    """Depths of ``n_reservoirs`` reservoirs in a stack of ``depth`` layers, bottom first.

    ``alternating-*``: turn by turn from the bottom until either kind is used up; the other
    fills the rest. ``middle``: one block, half of the learned layers (rounded down) below it.
    ``even``: the stack is cut into as many near-equal blocks as there are reservoirs, with one
    at the bottom of each block; 2 of 8 are ``RLLLRLLL``. ``alternating-centred``: turn by turn
    in the middle, what is left over half below (rounded down) and half above; 2 of 7 are
    ``LLRLRLL``, the placement of Shen et al.

    Raises:
        ValueError: there are more reservoirs than layers, or no such pattern.

    Source:
        alternating-centred: Shen et al. 2021 (arXiv:2012.15045).
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
        case "alternating-centred":
            n_left_over = n_learned - (n_reservoirs - 1)  # learned layers not between reservoirs
            if n_left_over >= 0:
                return n_left_over // 2 + i
            n_outside = n_reservoirs - (n_learned + 1)  # reservoirs not between learned layers
            return min(max(i - n_outside // 2, 0), n_learned)
    raise ValueError(f"no pattern is called {pattern!r}")
