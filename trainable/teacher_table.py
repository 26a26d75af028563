"""A teacher's probabilities of the words of a training set, in files that trials map.

Shapes: B batch, T target, K words of a token.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from spaces.errors import DamagedData
from trainable.atomic import atomic_folder
from trainable.buckets import Bucket
from trainable.collate import Batch, Indices
from trainable.data.own_files import require_own_files
from trainable.tasks.task import Collate, Update
from trainable.teacher_cost import TeacherCost

Words = npt.NDArray[np.int32]
Probabilities = npt.NDArray[np.float32]

_FILES = _WORDS, _PROBABILITIES, _COST = "words.npy", "probabilities.npy", "cost.json"


class TeacherTable:
    """The likeliest words of each training target by a teacher, in the order of the targets.

    A row has K words and their probabilities, which sum to 1.
    """

    def __init__(self, folder: Path, sizes: npt.NDArray[Any], *, n_rows: int) -> None:
        """Map the table in ``folder``.

        Args:
            sizes: lengths of the targets in tokens.
            n_rows: length of their dictionary.

        Raises:
            DamagedData: it cannot be read, or is of another training set.
            UserError: a file is a link or no plain file.
        """
        self._sizes = sizes.astype(np.int64)
        self._ends = np.cumsum(self._sizes)
        require_own_files(
            folder.parent, [f"{folder.name}/{name}" for name in _FILES], max_bytes=None
        )
        try:
            self._words: Words = np.load(folder / _WORDS, mmap_mode="r")
            self._probabilities: Probabilities = np.load(folder / _PROBABILITIES, mmap_mode="r")
            self.cost = TeacherCost(**json.loads((folder / _COST).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise DamagedData(f"{folder}: cannot be read ({error}); remove it") from error
        self._check(folder, n_tokens=int(self._sizes.sum()), n_rows=n_rows)

    def _check(self, folder: Path, *, n_tokens: int, n_rows: int) -> None:
        words, probabilities = self._words, self._probabilities
        types = (words.dtype.name, probabilities.dtype.name)
        if types != ("int32", "float32") or words.ndim != 2 or words.shape != probabilities.shape:
            raise DamagedData(f"{folder}: is no table of words and probabilities; remove it")
        if len(words) != n_tokens:
            raise DamagedData(
                f"{folder}: has {len(words)} tokens for the {n_tokens} of the training set; "
                "remove it"
            )
        if int(words.min()) < 0 or int(words.max()) >= n_rows:
            raise DamagedData(f"{folder}: has words beyond the {n_rows} of the data; remove it")

    def beside(self, update: Update) -> Update:
        """``update`` whose batches have the teacher's words of their targets."""
        return replace(update, collate=partial(self._collated, update.collate))

    def _collated(self, collate: Collate, indices: Indices, bucket: Bucket | None = None) -> Batch:
        batch = collate(indices, bucket)
        return batch | {"teacher": self._rows(batch["id"].numpy(), *batch["target"].shape)}

    def _rows(self, indices: Indices, n_rows: int, width: int) -> dict[str, torch.Tensor]:
        """Words and probabilities B, T, K; those of padding are word 0 with probability 0."""
        sizes_B1 = self._sizes[indices, None]
        columns = np.arange(width)
        inside = columns < sizes_B1
        places = (self._ends[indices, None] - sizes_B1 + columns)[inside]
        shape = (n_rows, width, self._words.shape[1])
        words, probabilities = np.zeros(shape, np.int64), np.zeros(shape, np.float32)
        words[: len(indices)][inside] = self._words[places]
        probabilities[: len(indices)][inside] = self._probabilities[places]
        return {
            "words": torch.from_numpy(words),
            "probabilities": torch.from_numpy(probabilities),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows of a table: the tokens' places among all targets, N, and N, K of each."""

    places: Indices
    words: Words
    probabilities: Probabilities


def write_table(
    folder: Path,
    rows: Iterable[Rows],
    *,
    n_tokens: int,
    n_words: int,
    n_params_total: int,
    flops: float,
) -> None:
    """Write a table as the new ``folder``, whole or not at all.

    Args:
        rows: those of all ``n_tokens``, in any order, made as they are taken.
        n_words: K.
        n_params_total, flops: the teacher's cost; the seconds are those that ``rows`` take.

    Raises:
        OSError: it cannot be written, or the folder was filled meanwhile.
    """
    start = time.perf_counter()
    make = partial(np.lib.format.open_memmap, mode="w+", shape=(n_tokens, n_words))
    with atomic_folder(folder) as building:
        words = make(building / _WORDS, dtype=np.int32)
        probabilities = make(building / _PROBABILITIES, dtype=np.float32)
        for some in rows:
            words[some.places] = some.words
            probabilities[some.places] = some.probabilities
        words.flush()
        probabilities.flush()
        cost = TeacherCost(
            n_params_total=n_params_total, flops=flops, seconds=time.perf_counter() - start
        )
        (building / _COST).write_text(json.dumps(asdict(cost)), encoding="utf-8")
