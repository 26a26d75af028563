"""Entrants and seeds of a comparison, kept in a file so that a later driver can continue."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from search.replicates.entrant import Entrant
from search.study.folder import CHECKSUM, checksum_of, mend_command
from spaces.candidate import Candidate
from spaces.errors import UserError
from spaces.layout import Layout, parse_decoder
from trainable.atomic import write_atomically
from trainable.data.bounded import read_values

LINEUP = "lineup.json"
_FAULTS = (ValueError, KeyError, TypeError, AttributeError, RecursionError, UserError)


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
        values: dict[str, Any] = {
            "entrants": [_to_json(entrant) for entrant in self.entrants],
            "seeds": self.seeds,
            "n_seeds_before": self.n_seeds_before,
        }
        values[CHECKSUM] = checksum_of(values)
        write_atomically(folder / LINEUP, json.dumps(values, indent=2))

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """Lineup in ``folder``; None if there is none.

        Raises:
            UserError: the file is damaged.
        """
        path = folder / LINEUP
        try:
            values = json.loads(read_values(path))
            checksum = values.pop(CHECKSUM, None)  # earlier versions wrote none
            if checksum is not None and checksum != checksum_of(values):
                raise ValueError(f"it changed since it was written, by its {CHECKSUM}")
            return cls(
                entrants=tuple(_from_json(entrant) for entrant in values["entrants"]),
                seeds=tuple(values["seeds"]),
                n_seeds_before=values.get("n_seeds_before"),  # earlier versions wrote none
            )
        except FileNotFoundError:
            return None
        except _FAULTS as error:
            raise UserError(
                f"{path}: is damaged ({type(error).__name__}: {error}); restore it from a copy, or "
                f"set it aside with: {mend_command(folder)}"
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
