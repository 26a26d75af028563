"""Bytes and seconds in readable units."""

from __future__ import annotations


def human_bytes(n_bytes: float) -> str:
    """Text of ``n_bytes`` in MiB, GiB or TiB."""
    size, unit = n_bytes / 2**20, "MiB"
    for larger in ("GiB", "TiB"):
        if size >= 1000:
            size, unit = size / 1024, larger
    return f"{_short(size)} {unit}"


def human_seconds(seconds: float) -> str:
    """Text of ``seconds`` in seconds, minutes, hours or days."""
    for unit, length in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * length:
            return f"{_short(seconds / length)} {unit}"
    return f"{_short(seconds)} seconds"


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"
