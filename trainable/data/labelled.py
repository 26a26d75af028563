"""The user's own sentences with labels: a label and a sentence a line."""

from __future__ import annotations

import csv
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from spaces.errors import UserError
from trainable.data.blobs import PACKED_ENDINGS, Blob, read_blob
from trainable.data.corpus import Split
from trainable.data.holdout import SEED, completed, connected
from trainable.data.lines import lines_in
from trainable.data.manifest import SplitName
from trainable.data.monolingual import require_language
from trainable.data.sentences import Sentences, sentence_split
from trainable.data.split_files import SplitFiles

MIN_LABELS = 2
MAX_LABELS = 1_000
MAX_LABEL_CHARACTERS = 100
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")  # fairseq's own words in a dictionary


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """One fold of a cross-validation, written ``3/10``: its sentences are the test set."""

    number: int  # from 1
    n_folds: int

    @classmethod
    def parse(cls, text: str) -> Fold:
        """Fold written as ``text``.

        Raises:
            UserError: it is not written as a number and the number of folds.
        """
        found = re.fullmatch(r"([1-9][0-9]{0,3})/([1-9][0-9]{0,3})", text)
        if found is None or not 1 <= int(found[1]) <= int(found[2]) or int(found[2]) < 2:
            raise UserError(f"--fold {text}: write the fold and their number, as 3/10")
        return cls(number=int(found[1]), n_folds=int(found[2]))


def labelled(files: SplitFiles[Path], *, language: str, fold: Fold | None = None) -> Sentences:
    """Corpus of the user's sentences with labels, plain or packed.

    A missing valid or test split is held out from train: a twentieth of its sentences, at
    most 1,000, such that no sentence is in two of these splits.

    Args:
        files: .tsv (label, tab, sentence), .csv (label, comma, sentence, quoted by the rules of
            CSV), or of another name: a label, white space, a sentence. Further columns are not
            allowed, and no heading.
        language: code of the sentences' language.
        fold: take the test set from train by cross-validation.

    Raises:
        UserError: a file or the language cannot be used, or train is too small to hold out from.
    """
    require_language("--language", language)
    if fold is not None and files.test is not None:
        raise UserError("--fold takes the test set from train; leave --test out")
    blobs = {name: [read_blob(path) for path in paths] for name, paths in files.given().items()}
    read = {
        name: [line for blob in given for line in read_labelled(blob)]
        for name, given in blobs.items()
    }
    _check_labels(read)
    splits = {
        name: sentence_split(
            [sentence for _, sentence in lines],
            labels=[label for label, _ in lines],
            language=language,
        )
        for name, lines in read.items()
    }
    if fold is not None:
        splits |= _fold_of(splits["train"].cleaned(), fold)
    return Sentences(
        name="classify",
        language=language,
        has_labels=True,
        seed=SEED if len(blobs) < 3 else None,
        splits=completed(splits, unit="sentences"),
        licence="the user's own text; its licence is not known here",
        sources=tuple(blob.source() for given in blobs.values() for blob in given),
    )


def read_labelled(blob: Blob) -> list[tuple[str, str]]:
    """Labels and sentences of a file; its name says how they are parted.

    Raises:
        UserError: a line has no label, no sentence, or more than these.
    """
    packed = next(end for end in reversed(PACKED_ENDINGS) if blob.place.endswith(end))
    name = blob.place.removesuffix(packed)
    lines = lines_in(blob)
    if name.endswith(".csv"):
        rows = [(reader.line_num, row) for reader in [csv.reader(lines)] for row in reader if row]
    else:
        separator = "\t" if name.endswith(".tsv") else None
        parted = (line.strip().split(separator, maxsplit=1) for line in lines)
        rows = [(number, row) for number, row in enumerate(parted, start=1) if row]
    return [_label_and_sentence(row, place=f"{blob.place}: line {n}") for n, row in rows]


def _label_and_sentence(row: list[str], *, place: str) -> tuple[str, str]:
    cells = [" ".join(cell.split()) for cell in row]
    if len(cells) != 2 or not all(cells):
        raise UserError(f"{place} is no label and sentence; write one of each a line")
    label, sentence = cells
    if len(label) > MAX_LABEL_CHARACTERS or label in SPECIAL:
        start = label[:20]
        raise UserError(
            f"{place}: {start!r} cannot be a label; use up to {MAX_LABEL_CHARACTERS} characters, "
            f"and none of {' '.join(SPECIAL)}"
        )
    return label.replace(" ", "_"), sentence


def _check_labels(read: Mapping[SplitName, list[tuple[str, str]]]) -> None:
    known = {label for label, _ in read["train"]}
    if not MIN_LABELS <= len(known) <= MAX_LABELS:
        raise UserError(
            f"train: has {len(known)} different labels; give {MIN_LABELS} to {MAX_LABELS}, each "
            "the first word of its line, or the first column of a .tsv or .csv file"
        )
    for name, lines in read.items():
        if unknown := {label for label, _ in lines} - known:
            raise UserError(
                f"{name}: the label {min(unknown)!r} does not occur in train; use its labels"
            )


def _fold_of(whole: Split, fold: Fold) -> dict[SplitName, Split]:
    """Train and test of a fold; sentences that are equal are in the same fold."""
    components = connected(whole.tokens)
    random.Random(SEED).shuffle(components)
    tested = {n for component in components[fold.number - 1 :: fold.n_folds] for n in component}
    return {
        "train": whole.take([n for n in range(len(whole.raw)) if n not in tested]),
        "test": whole.take(sorted(tested)),
    }
