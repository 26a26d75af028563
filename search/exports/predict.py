"""Answers of an export to raw lines: a label, a filled mask, or a summary."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import torch

from search.exports.translate import MAX_CHARACTERS, Translator, open_export
from trainable.tasks.registry import load_vocabulary
from trainable.tasks.translation import FINAL_BEAM, Translation

BATCH_SENTENCES = 8  # attention takes their number x the square of the longest one's tokens


class Predictor:
    """An export, ready to answer sentences."""

    def __init__(self, folder: Path) -> None:
        """Load the export in ``folder``.

        Raises:
            UserError: it is no export, or its files are broken.
        """
        export = open_export(folder)
        self._task, self._model = export.task, export.model

    @torch.no_grad()
    def answers(self, sentences: Iterable[str]) -> Iterator[str]:
        """One answer a sentence, in order; an empty line stays empty.

        A sentence beyond ``MAX_CHARACTERS`` is cut there.

        Raises:
            UserError: a model of this task has another command.
        """
        lines = (sentence[:MAX_CHARACTERS].strip() for sentence in sentences)
        while batch := list(islice(lines, BATCH_SENTENCES)):
            full = [line for line in batch if line]
            answers = iter(self._task.answers(self._model, full) if full else ())
            yield from (next(answers) if line else "" for line in batch)


def answers_of(folder: Path) -> Callable[[Iterable[str]], Iterator[str]]:
    """Function that answers sentences as ``translate`` does, or else as ``predict``.

    Raises:
        UserError: the folder is no export, or its files are broken.
    """
    if type(load_vocabulary(str(folder))) is Translation:
        return partial(Translator(folder).translate, beam=FINAL_BEAM)
    return Predictor(folder).answers
