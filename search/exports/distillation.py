"""Sequence-level distillation: the training set of prepared data, as an export writes it.

The targets are the teacher's translations, or summaries, by beam search (Kim and Rush 2016,
arXiv:1606.07947), of every training sentence, as in the recipe of Kasai et al. 2021
(arXiv:2006.10369).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
from fairseq.models import BaseFairseqModel

from search.exports.full_evaluation import device
from search.exports.translate import BATCH_TOKENS, Export, open_export, with_progress
from spaces.errors import DamagedData, UserError
from trainable.atomic import append_line
from trainable.collate import Indices, inputs_on_device
from trainable.corpus import batches_by_tokens, by_length
from trainable.data.binarise import write_binarised
from trainable.data.corpus import Pairs
from trainable.data.evaluation_sets import n_repeated, overlap_with_train
from trainable.data.folder import new_folder, require_free
from trainable.data.losses import Losses
from trainable.data.manifest import SPLITS, Manifest, SplitName, TeacherInfo
from trainable.decoding import decode
from trainable.digests import file_sha256
from trainable.export_files import WEIGHTS
from trainable.ranks import Ranks
from trainable.tasks.decoded_set import DecodedSet
from trainable.tasks.registry import load_task
from trainable.tasks.translation import Translation


def distilled_data(export: Path, out: Path, *, beam: int, tell: Callable[[str], None]) -> Manifest:
    """Prepare the export's data anew as ``out``, with its own translations to train on.

    Dictionaries, validation and test set are those of the export's data. An interrupted call is
    gone on with by the next one: translations so far are kept beside ``out``.

    Args:
        tell: called with lines on the progress.

    Raises:
        UserError: the export has no decoder, its data are gone, or ``out`` is not free.
    """
    require_free(out)
    opened = open_export(export)
    task = _data_of(opened, export)
    model = opened.model.to(device())
    teacher = TeacherInfo(
        encoder=str(opened.config.model.encoder),
        decoder=str(opened.config.model.decoder),
        weights_sha256=file_sha256(export / WEIGHTS),
        beam=beam,
        data_digest=task.manifest.digest,
        score_valid=round(_score_on_valid(model, task, beam=beam), 2),
    )
    translations = _Translations(
        out.with_name(f".{out.name}.translations"), key=teacher.model_dump_json()
    )
    n_sentences = len(task.corpus.split("train"))
    tell(f"{n_sentences - len(translations.done):,} of {n_sentences:,} sentences to translate")
    for _ in with_progress(_translate_missing(model, task, translations, beam=beam), tell):
        pass
    with new_folder(out) as folder:
        lines = [translations.done[number] for number in range(n_sentences)]
        manifest = _write(folder, task, lines, teacher)
    translations.forget()
    return manifest


class _Translations:
    """Translations so far, in a file that outlives an interrupted call.

    Its first line says of which teacher, beam and data they are; each other one has the numbers
    of some sentences and their tokens.
    """

    def __init__(self, path: Path, key: str) -> None:
        """Go on with ``path`` if its first line is ``key``; else begin it anew."""
        self._path = path
        self.done: dict[int, str] = {}
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        if lines[:1] != [key]:
            self.forget()
            path.parent.mkdir(parents=True, exist_ok=True)
            append_line(path, key.encode())
        for line in lines[1:] if lines[:1] == [key] else ():
            with suppress(ValueError):  # a power failure cut it short
                self.done |= dict(json.loads(line))

    def add(self, found: dict[int, str]) -> None:
        """Keep further translations."""
        self.done |= found
        append_line(self._path, json.dumps(list(found.items())).encode())

    def forget(self) -> None:
        """Remove the file."""
        self._path.unlink(missing_ok=True)


def _data_of(opened: Export, export: Path) -> Translation:
    """Prepared data that the export was trained on.

    Raises:
        UserError: it has no decoder; its data are gone, or others by now.
    """
    if not isinstance(opened.task, Translation):
        raise UserError(
            f"{export}: was trained for the task {opened.task.name!r}; "
            "give an export of a study of translation or summarisation"
        )
    try:
        task = load_task(opened.config.data)
    except DamagedData as error:
        raise UserError(f"{export}: its data are needed, but {error}") from error
    if task.manifest.digest != opened.task.manifest.digest:
        raise UserError(
            f"{export}: was trained on other data than those in {task.folder} now; "
            "prepare its data there again"
        )
    assert isinstance(task, Translation)
    return task


def _translate_missing(
    model: BaseFairseqModel, task: Translation, translations: _Translations, *, beam: int
) -> Iterator[int]:
    """Add the translations that are missing; give the number of each sentence."""
    dataset, collate = task.corpus.split("train"), task.corpus.collator("train")
    missing = np.array(
        [n for n in range(len(dataset)) if n not in translations.done], dtype=np.int64
    )
    for indices in _batches(task, missing):
        batch = inputs_on_device(collate(indices), device())
        found = decode(model, batch, task.corpus.tgt_dict, beam=beam, limit=task.full_limit)
        numbers = batch["id"].tolist()
        translations.add(dict(zip(numbers, found, strict=True)))
        yield from numbers


def _batches(task: Translation, indices: Indices) -> list[Indices]:
    """Sentences of like lengths together, the longest last."""
    dataset = task.corpus.split("train")
    if not len(indices):
        return []
    longest = int(dataset.num_tokens_vec(indices).max())
    return batches_by_tokens(dataset, by_length(dataset, indices), max(BATCH_TOKENS, longest))


def _score_on_valid(model: BaseFairseqModel, task: Translation, *, beam: int) -> float:
    valid = DecodedSet(
        task.corpus,
        "valid",
        metric=task.metric,
        n_sentences=None,
        beam=beam,
        limit=task.full_limit,
        label_smoothing=0.0,
        ranks=Ranks(),
        device=device(),
    )
    score = valid.measure(model).score
    model.eval()
    return score


def _write(
    folder: Path, task: Translation, translations: list[str], teacher: TeacherInfo
) -> Manifest:
    """Copy the prepared data into ``folder``, but for the training targets."""
    src, tgt = task.manifest.sides
    targets = f"train.{src}-{tgt}.{tgt}"
    for name in task.manifest.file_names():
        if name not in (f"{targets}.bin", f"{targets}.idx"):
            shutil.copyfile(task.folder / name, folder / name)
    n_tokens = write_binarised(translations, task.corpus.tgt_dict, folder / targets)
    train = task.manifest.counts["train"].model_copy(update={"n_tokens_tgt": n_tokens})
    manifest = task.manifest.model_copy(
        update={
            "counts": {**task.manifest.counts, "train": train},
            "losses": _losses(task, translations),
            "teacher": teacher,
        }
    )
    manifest.save(folder)
    return manifest


def _losses(task: Translation, translations: list[str]) -> Losses | None:
    """Losses of the data, with the overlap and the repetitions of the new training set."""
    if task.manifest.losses is None:
        return None
    pairs = {name: _pairs(task, name) for name in SPLITS}
    pairs["train"] = Pairs(src=pairs["train"].src, tgt=translations)
    return task.manifest.losses.model_copy(
        update={"overlap": overlap_with_train(pairs), "repeated": n_repeated(pairs["train"])}
    )


def _pairs(task: Translation, split: SplitName) -> Pairs:
    dataset, corpus = task.corpus.split(split), task.corpus
    return Pairs(
        src=[corpus.src_dict.string(tokens) for tokens in dataset.src],
        tgt=[corpus.tgt_dict.string(tokens) for tokens in dataset.tgt],
    )
