"""The four clocks of a curve, as axes."""

from __future__ import annotations

from collections.abc import Mapping

from trainable.config import Clock

TITLES: Mapping[Clock, str] = {
    "updates": "updates",
    "seconds": "seconds of training",
    "tokens": "target tokens",
    "flops": "FLOPs",
}
