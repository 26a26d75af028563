"""A candidate: the layouts and hyper-parameters that a point of a space stands for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from spaces.chooser import Scalar
from spaces.layout import Layout

RESERVOIR_SETTINGS = "model.reservoir_"  # prefix of the settings that concern reservoirs only


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A model and its hyper-parameters, not yet trained."""

    encoder: Layout
    decoder: Layout
    reservoir_gain: float  # 1.0 where no layer is a reservoir
    hyper: Mapping[str, Scalar]

    @property
    def has_reservoirs(self) -> bool:
        return self.encoder.n_reservoirs + self.decoder.n_reservoirs > 0

    @property
    def key(self) -> str:
        """JSON text, equal for two candidates if and only if they describe the same model.

        The reservoirs' settings are left out where there is no reservoir; 1 and 1.0 are one
        value.
        """
        meaning: dict[str, object] = {
            "encoder": str(self.encoder.canonical()),
            "decoder": str(self.decoder.canonical()),
            "hyper": {
                name: value if isinstance(value, str) else float(value)
                for name, value in self.hyper.items()
                if self.has_reservoirs or not name.startswith(RESERVOIR_SETTINGS)
            },
        }
        if self.has_reservoirs:
            meaning["reservoir_gain"] = float(self.reservoir_gain)
        return json.dumps(meaning, sort_keys=True)
