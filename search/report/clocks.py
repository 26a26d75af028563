"""Axis titles of the four clocks, with their units."""

from __future__ import annotations

from collections.abc import Mapping

from trainable.config import Clock

TITLES: Mapping[Clock, str] = {
    "updates": "updates",
    "seconds": "seconds of training",
    "tokens": "target tokens",
    "flops": "FLOPs",
}
