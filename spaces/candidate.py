"""A candidate: the layouts and hyper-parameters that a point of a space stands for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from spaces.chooser import Scalar
from spaces.errors import UserError
from spaces.inert import is_inert
from spaces.layout import Layout, parse_decoder


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


def present_key(key: str) -> str:
    """``key`` of a record without the settings that ``Candidate.key`` leaves out by now.

    Earlier versions left fewer out. What follows the JSON text, as the seed of a replicate, stays;
    so does a text that is no key.
    """
    if '"model.' not in key:
        return key
    try:
        meaning, end = json.JSONDecoder().raw_decode(key)
        encoder, decoder = Layout.parse(meaning["encoder"]), parse_decoder(meaning["decoder"])
        hyper = meaning["hyper"]
        meaning["hyper"] = {
            name: value
            for name, value in hyper.items()
            if not is_inert(name, encoder, decoder, hyper)
        }
    except (ValueError, KeyError, TypeError, AttributeError, UserError):
        return key
    return json.dumps(meaning, sort_keys=True) + key[end:]
