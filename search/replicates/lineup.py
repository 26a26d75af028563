"""Entrants and seeds of a comparison, kept in a file so that a later driver can continue."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from search.replicates.entrant import Entrant
from spaces.candidate import Candidate
from spaces.errors import UserError
from spaces.layout import Layout, parse_decoder
from trainable.atomic import write_atomically

_FILE = "lineup.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineup:
    """Entrants, the baseline last, and the seeds of each."""

    entrants: tuple[Entrant, ...]
    seeds: tuple[int, ...]
    n_seeds_before: int | None = None  # another number, planned until results were looked at

    @property
    def n_trials(self) -> int:
        return len(self.entrants) * len(self.seeds)

    def save(self, folder: Path) -> None:
        """Write the lineup into ``folder``; an earlier one is replaced."""
        values = {
            "entrants": [_to_json(entrant) for entrant in self.entrants],
            "seeds": self.seeds,
            "n_seeds_before": self.n_seeds_before,
        }
        write_atomically(folder / _FILE, json.dumps(values, indent=2))

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """Lineup in ``folder``; None if there is none.

        Raises:
            UserError: the file is damaged.
        """
        path = folder / _FILE
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            return cls(
                entrants=tuple(_from_json(entrant) for entrant in values["entrants"]),
                seeds=tuple(values["seeds"]),
                n_seeds_before=values.get("n_seeds_before"),  # earlier versions wrote none
            )
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, AttributeError, UserError) as error:
            raise UserError(
                f"{path}: is damaged ({type(error).__name__}: {error}); restore it from a copy"
            ) from error


def _to_json(entrant: Entrant) -> dict[str, Any]:
    candidate = entrant.candidate
    return {
        "name": entrant.name,
        "encoder": str(candidate.encoder.canonical()),
        "decoder": str(candidate.decoder.canonical()),
        "reservoir_gain": candidate.reservoir_gain,
        "hyper": dict(candidate.hyper),
    }


def _from_json(values: dict[str, Any]) -> Entrant:
    return Entrant(
        name=values["name"],
        candidate=Candidate(
            encoder=Layout.parse(values["encoder"]),
            decoder=parse_decoder(values["decoder"]),
            reservoir_gain=values["reservoir_gain"],
            hyper=values["hyper"],
        ),
    )
