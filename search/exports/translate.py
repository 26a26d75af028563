"""Translating raw sentences with an export; nothing pickled is loaded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from fairseq.data import LanguagePairDataset
from fairseq.models import BaseFairseqModel
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file

from search.exports.export_size import refuse_too_large
from spaces.errors import UserError
from spaces.faults import fault_lines
from trainable.checkpoint import CHECKSUMS, BrokenCheckpoint, check_files, load_learned_weights
from trainable.config import TrialConfig
from trainable.data.own_files import require_own_files
from trainable.data.tokenizer import Tokenizer
from trainable.decoding import FULL_LIMIT, decode
from trainable.tasks.registry import load_vocabulary
from trainable.tasks.task import Task
from trainable.tasks.translation import Translation

BATCH_SENTENCES = 64
CONFIG = "config.json"  # file names in an export
WEIGHTS = "model.safetensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """Contents of an export's folder."""

    config: TrialConfig
    task: Task  # dictionaries and manifest, no splits
    model: BaseFairseqModel  # with its weights, dropout off


class Translator:
    """An export, ready to translate."""

    def __init__(self, folder: Path) -> None:
        """Load the export in ``folder``.

        Raises:
            UserError: it is no export, its files are broken, or it does not translate.
        """
        export = open_export(folder)
        if not isinstance(export.task, Translation):
            raise UserError(
                f"{folder}: was trained for the task {export.task.name!r}; "
                "give an export of a translation study"
            )
        self._corpus, self._model = export.task.corpus, export.model
        self._src = Tokenizer.load(folder, "src")
        self._tgt = Tokenizer.load(folder, "tgt")

    def translate(self, sentences: Iterable[str], *, beam: int) -> Iterator[str]:
        """One translation a sentence, in order; an empty line stays empty."""
        remaining = iter(sentences)
        while part := list(islice(remaining, BATCH_SENTENCES)):
            yield from self._translate_batch(part, beam)

    def _translate_batch(self, sentences: list[str], beam: int) -> list[str]:
        translations = [""] * len(sentences)
        places = [place for place, sentence in enumerate(sentences) if sentence.strip()]
        tokens = [self._tokens(sentences[place]) for place in places]
        if not tokens:
            return translations
        sizes = np.array([len(sentence) for sentence in tokens])
        dataset = LanguagePairDataset(tokens, sizes, self._corpus.src_dict, shuffle=False)
        batch = dataset.collater([dataset[index] for index in range(len(dataset))])
        # The collater sorts by length; ``id`` gives the sentence of each translation.
        for index, hypothesis in zip(
            batch["id"].tolist(),
            decode(
                self._model,
                batch,
                self._corpus.tgt_dict,
                beam=beam,
                limit=FULL_LIMIT,
            ),
            strict=True,
        ):
            translations[places[index]] = self._tgt.decode(hypothesis)
        return translations

    def _tokens(self, sentence: str) -> torch.Tensor:
        tokens: torch.Tensor = self._corpus.src_dict.encode_line(
            self._src.encode(sentence.strip()), add_if_not_exist=False
        ).long()
        return tokens


def open_export(folder: Path) -> Export:
    """The export in ``folder``.

    Raises:
        UserError: it is no export, or its files are broken.
    """
    if not (folder / CONFIG).is_file():
        raise UserError(
            f"{folder}: is no export (it has no {CONFIG}); "
            "make one with: reservoir-search export STUDY"
        )
    require_own_files(folder, [CONFIG])
    require_own_files(folder, [WEIGHTS], max_bytes=None)
    task = load_vocabulary(str(folder))
    try:
        config = TrialConfig.model_validate_json((folder / CONFIG).read_bytes())
        refuse_too_large(config.model, task, weights=folder / WEIGHTS)
        weights = load_file(folder / WEIGHTS)
    except ValidationError as error:
        reason = f"{CONFIG}: {fault_lines(error, TrialConfig)[0]}"
        raise UserError(f"{folder}: not a whole export ({reason}); export it again") from error
    except (OSError, SafetensorError) as error:
        reason = str(error).split("\n")[0]
        raise UserError(f"{folder}: not a whole export ({reason}); export it again") from error
    model = task.build_model(config.model, seed=config.seed)
    try:
        load_learned_weights(model, weights)
    except (ValueError, RuntimeError) as error:
        raise UserError(f"{folder}: {error}; export it again") from error
    _check_weights(folder)
    return Export(config=config, task=task, model=model.eval())


def _check_weights(folder: Path) -> None:
    """Compare the weights with their checksum; exports of earlier versions have none.

    Raises:
        UserError: they changed since they were written.
    """
    if not (folder / CHECKSUMS).exists():
        return
    require_own_files(folder, [CHECKSUMS])
    try:
        check_files(folder, [WEIGHTS])
    except BrokenCheckpoint as error:
        raise UserError(f"{error}; export it again") from error
