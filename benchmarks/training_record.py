"""Trainings of a benchmark that are made once: each that ended is a line of a file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Generic, TypeVar

from trainable.atomic import write_atomically
from trainable.config import TrialConfig
from trainable.data.manifest import Manifest
from trainable.digests import file_sha256
from trainable.export_files import WEIGHTS

Ended = TypeVar("Ended", bound=Any)  # a dataclass with a field ``key``


class TrainingRecord(Generic[Ended]):
    """Results of ended trainings, by key; an interrupted benchmark goes on from them."""

    def __init__(self, path: Path, read: Callable[..., Ended]) -> None:
        """Read the lines of ``path``, if it is there; ``read`` takes a line's fields."""
        self._path = path
        self.known: dict[str, Ended] = {}
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
        # A line without its end was being written when the command was killed.
        whole = [line for line in lines if line.endswith("\n")]
        for one in (read(**json.loads(line)) for line in whole):
            self.known[one.key] = one
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, "".join(whole))

    def add(self, one: Ended) -> None:
        """Keep a training that has just ended."""
        with self._path.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(asdict(one)) + "\n")
        self.known[one.key] = one


def training_key(config: TrialConfig) -> str:
    """Key that is equal for equal settings, data and exports, wherever these are."""
    train = config.train
    exports = {"init_from": train.init_from, "distill": train.distill}
    weights = {
        name: file_sha256(Path(place) / WEIGHTS)
        for name, place in exports.items()
        if place is not None
    }
    placeless = config.model_copy(update={"train": train.model_copy(update=weights)})
    text = placeless.model_dump_json(exclude={"data"}) + Manifest.load(Path(config.data)).digest
    return hashlib.sha256(text.encode()).hexdigest()
