"""A candidate: the layouts and hyper-parameters that a point of a space stands for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from spaces.chooser import Scalar
from spaces.inert import is_inert
from spaces.layout import Layout


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

        Settings that change nothing are left out, as those of reservoirs where there is none;
        1 and 1.0 are one value.
        """
        meaning: dict[str, object] = {
            "encoder": str(self.encoder.canonical()),
            "decoder": str(self.decoder.canonical()),
            "hyper": {
                name: value if isinstance(value, str) else float(value)
                for name, value in self.hyper.items()
                if not is_inert(name, self.encoder, self.decoder, self.hyper)
            },
        }
        if self.has_reservoirs:
            meaning["reservoir_gain"] = float(self.reservoir_gain)
        return json.dumps(meaning, sort_keys=True)
