"""A candidate: a point of a space as what it means."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from spaces.chooser import Scalar
from spaces.layout import Layout

OF_RESERVOIRS = "model.reservoir_"  # how such settings begin


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Two stacks, a gain, hyper-parameters: a model and how it is to be trained, not yet run."""

    encoder: Layout
    decoder: Layout
    reservoir_gain: float  # 1.0 where no layer is a reservoir
    hyper: Mapping[str, Scalar]

    @property
    def has_reservoirs(self) -> bool:
        return self.encoder.n_reservoirs + self.decoder.n_reservoirs > 0

    @property
    def key(self) -> str:
        """JSON text, equal for two candidates if and only if they are the same in other words.

        Gain and draw count only where a reservoir feels them; 1 and 1.0 are one value.
        """
        meaning: dict[str, object] = {
            "encoder": str(self.encoder.canonical()),
            "decoder": str(self.decoder.canonical()),
            "hyper": {
                name: value if isinstance(value, str) else float(value)
                for name, value in self.hyper.items()
                if self.has_reservoirs or not name.startswith(OF_RESERVOIRS)
            },
        }
        if self.has_reservoirs:
            meaning["reservoir_gain"] = float(self.reservoir_gain)
        return json.dumps(meaning, sort_keys=True)
