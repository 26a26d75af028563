"""A prepared data folder as fairseq reads it: dictionaries, splits, update batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from fairseq.data import Dictionary, LanguagePairDataset, data_utils
from fairseq.tasks.translation import TranslationConfig, TranslationTask

from spaces.errors import DamagedData, UserError
from trainable.collate import Collator, Indices
from trainable.data.binarised_files import check_binarised
from trainable.data.manifest import Manifest
from trainable.data.own_files import require_own_files


class Examples(Protocol):
    """Examples of a split by their lengths in tokens, as fairseq's datasets give them."""

    src_sizes: npt.NDArray[Any]
    tgt_sizes: npt.NDArray[Any]

    def __len__(self) -> int: ...

    def num_tokens(self, index: int) -> int:
        """Length of an example: that of its longest sequence."""

    def num_tokens_vec(self, indices: Indices) -> npt.NDArray[Any]:
        """Lengths of several examples."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """A source and a target language, their dictionaries, and one dataset a split."""

    folder: Path
    manifest: Manifest
    task: TranslationTask

    @property
    def src_dict(self) -> Dictionary:
        return self.task.source_dictionary

    @property
    def tgt_dict(self) -> Dictionary:
        return self.task.target_dictionary

    def split(self, name: str) -> LanguagePairDataset:
        """The ``train``, ``valid`` or ``test`` dataset, loaded on first use."""
        if name not in self.task.datasets:
            self._check_split(name)
            self.task.load_dataset(name)
        return self.task.datasets[name]

    def _check_split(self, name: str) -> None:
        src, tgt = self.manifest.sides
        prefix = self.folder / f"{name}.{src}-{tgt}"
        n_src = check_binarised(Path(f"{prefix}.{src}"), n_rows=len(self.src_dict))
        n_tgt = check_binarised(Path(f"{prefix}.{tgt}"), n_rows=len(self.tgt_dict))
        if n_src != n_tgt:
            raise DamagedData(
                f"{prefix}: {n_src} sentences have {n_tgt} translations; prepare the folder again"
            )

    def collator(self, split: str) -> Collator:
        """Collator that makes the batches of a split."""
        src, tgt = self.manifest.sides
        prefix = f"{split}.{src}-{tgt}"
        return Collator(
            self.split(split),
            src=self.folder / f"{prefix}.{src}",
            tgt=self.folder / f"{prefix}.{tgt}",
        )

    def raw(self, split: str, side: str) -> list[str]:
        """Untokenised sentences of an evaluation split, in dataset order."""
        path = self.folder / f"{split}.raw.{side}"
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise DamagedData(f"{path}: is not UTF-8; prepare the folder again") from error
        n_lines = text.count("\n")
        if n_lines != len(self.split(split)):
            raise DamagedData(
                f"{path}: has {n_lines} lines for {len(self.split(split))} sentences; "
                "prepare the folder again"
            )
        return text.split("\n")[:-1]


def open_corpus(folder: str) -> Corpus:
    """The corpus in a prepared folder, or an export's dictionaries, which have no splits.

    Raises:
        UserError: the folder holds no manifest, or dictionaries that are none.
    """
    manifest = Manifest.load(Path(folder))
    src, tgt = manifest.sides
    if ":" in folder:
        raise UserError(f"{folder}: fairseq parts folders at a ':'; give the folder another name")
    require_own_files(Path(folder), [f"dict.{side}.txt" for side in (src, tgt)])
    config = TranslationConfig(
        data=folder,
        source_lang=src,
        target_lang=tgt,
        dataset_impl="mmap",
        required_seq_len_multiple=1,  # its default is a reference that only hydra resolves
    )
    try:
        task = TranslationTask.setup_task(config)
    except Exception as error:  # fairseq raises Exception itself for what is not UTF-8
        reason = str(error).split("\n")[0]
        raise DamagedData(
            f"{folder}: its dictionaries cannot be read ({reason}); prepare the folder again"
        ) from error
    return Corpus(folder=Path(folder), manifest=manifest, task=task)


def batches_by_tokens(dataset: Examples, order: Indices, max_tokens: int) -> list[Indices]:
    """Consecutive sentences of ``order`` in batches of at most ``max_tokens``, padding included.

    Raises:
        UserError: not one sentence fits.
    """
    n_tokens = dataset.num_tokens_vec(order).astype(np.int64)
    fits = n_tokens <= max_tokens
    if not fits.any():
        raise UserError(
            f"train.batch_tokens {max_tokens}: the shortest sentence has {n_tokens.min()} tokens; "
            "give more tokens a batch"
        )
    return [
        np.asarray(batch, dtype=np.int64)
        for batch in data_utils.batch_by_size(
            order[fits],
            dataset.num_tokens,
            num_tokens_vec=n_tokens[fits],
            max_tokens=max_tokens,
        )
    ]


def n_left_out(dataset: Examples, max_tokens: int) -> int:
    """Number of examples that fit in no batch of ``max_tokens``."""
    n_tokens = dataset.num_tokens_vec(np.arange(len(dataset)))
    return int((n_tokens > max_tokens).sum())


def evaluation_batches(dataset: Examples, chosen: Indices, max_tokens: int) -> list[Indices]:
    """All of the sentences ``chosen``, like lengths together, in batches of ``max_tokens``.

    Raises:
        UserError: a sentence does not fit; a score of the others alone would be of another set.
    """
    n_tokens = dataset.num_tokens_vec(chosen)
    longest = int(n_tokens.argmax())
    if n_tokens[longest] > max_tokens:
        raise UserError(
            f"evaluation: sentence {chosen[longest] + 1} of valid or test has "
            f"{n_tokens[longest]} tokens, over the limit of {max_tokens}; prepare the data again "
            "without it"
        )
    return batches_by_tokens(dataset, by_length(dataset, chosen), max_tokens)


def by_length(dataset: Examples, order: Indices) -> Indices:
    """``order`` sorted by target, then source length; equal lengths keep their order."""
    return order[np.lexsort((dataset.src_sizes[order], dataset.tgt_sizes[order]))]


def epoch_batches(dataset: Examples, *, batch_tokens: int, seed: int, epoch: int) -> list[Indices]:
    """The update batches of one epoch: like lengths together, in an order of the seed's."""
    rng = np.random.default_rng((seed, epoch))
    order = by_length(dataset, rng.permutation(len(dataset)).astype(np.int64))
    batches = batches_by_tokens(dataset, order, batch_tokens)
    return [batches[index] for index in rng.permutation(len(batches))]


def update_batches(
    dataset: Examples, *, batch_tokens: int, seed: int, skip: int
) -> Iterator[Indices]:
    """Update batches without end, epoch after epoch, but for the first ``skip``."""
    epoch = 0
    while True:
        batches = epoch_batches(dataset, batch_tokens=batch_tokens, seed=seed, epoch=epoch)
        yield from batches[skip:]
        skip = max(0, skip - len(batches))
        epoch += 1
