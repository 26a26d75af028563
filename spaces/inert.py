"""Settings of a candidate that change nothing, given its layouts and its other settings."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from spaces.kinds import LAYER_KINDS
from spaces.layout import Layout

RESERVOIR_SETTINGS = "model.reservoir_"  # prefix of the settings that concern reservoirs only
ATTENTION = "model.attention"
# Setting: the setting that decides whether it counts, and the value of that with which it does.
_CONDITIONS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "model.attention_features": (ATTENTION, "performer"),
        "model.attention_length": (ATTENTION, "linformer"),
        "model.attention_sharing": (ATTENTION, "linformer"),
        "model.reservoir_density": ("model.reservoir_draw", "sparse"),
    }
)


def deciding_setting(name: str) -> str | None:
    """Setting whose value decides whether the setting ``name`` counts; None without one."""
    return _CONDITIONS[name][0] if name in _CONDITIONS else None


def may_be_inert(name: str) -> bool:
    """True if some layouts and settings make ``name`` inert, or if its value makes others so."""
    return name.startswith(RESERVOIR_SETTINGS) or name == ATTENTION or name in _CONDITIONS


def is_inert(name: str, encoder: Layout, decoder: Layout, values: Mapping[str, object]) -> bool:
    """True if the model is the same with any value of the setting ``name``.

    Layouts of the same kinds of layers have the same inert settings.

    Args:
        values: settings by dotted name; a setting counts if its deciding one is not among them.
    """
    if name.startswith(RESERVOIR_SETTINGS) and not encoder.n_reservoirs + decoder.n_reservoirs:
        return True
    kinds = [LAYER_KINDS[letter] for letter in encoder.kinds]
    with_attention = [kind for kind in kinds if kind.has_attention]
    if name == ATTENTION:
        return all(kind.attention is not None for kind in with_attention)
    if name not in _CONDITIONS:
        return False
    decider, wanted = _CONDITIONS[name]
    if decider == ATTENTION:
        ways = {kind.attention or values.get(ATTENTION) for kind in with_attention}
        return not ways & {wanted, None}
    return values.get(decider, wanted) != wanted
