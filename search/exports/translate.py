"""Translating raw sentences with an export; nothing pickled is loaded."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TextIO, TypeVar

import numpy as np
import torch
from fairseq.data import Dictionary, LanguagePairDataset
from fairseq.models import BaseFairseqModel
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file

from search.exports.unknown_words import UnknownWords
from spaces.errors import UserError
from spaces.faults import fault_lines
from trainable.checkpoint import load_learned_weights
from trainable.collate import Batch
from trainable.config import TrialConfig
from trainable.data.lines import not_utf8
from trainable.data.own_files import require_own_files
from trainable.data.tokenizer import Tokenizer
from trainable.decoding import FULL_LIMIT, Hypothesis, beam_search, decode
from trainable.export_files import CONFIG, WEIGHTS, check_weights, read_config
from trainable.export_size import refuse_too_large
from trainable.tasks.registry import load_vocabulary
from trainable.tasks.task import Task
from trainable.tasks.translation import Translation

logger = logging.getLogger(__name__)

BATCH_SENTENCES = 64
BATCH_TOKENS = 8192  # padding included; attention takes their number x the longest sentence
MAX_TOKENS = 1024  # of a sentence; fairseq's own limit
MAX_CHARACTERS = 16_384  # of a sentence; more than MAX_TOKENS words have
PROGRESS_S = 10.0  # between two messages on the progress of a long text
EMPTY = Hypothesis(text="", score=0.0)  # of a line without words
_SAMPLE = 2**16  # characters that tell the encoding of text that is not UTF-8
_NOT_UTF8 = re.compile("[\udc80-\udcff]")  # as ``surrogateescape`` decodes it


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """Contents of an export's folder."""

    config: TrialConfig
    task: Task  # dictionaries and manifest, no splits
    model: BaseFairseqModel  # with its weights, dropout off


Found = TypeVar("Found")
Find = Callable[[Batch, Dictionary], list[Found]]  # hypotheses of each sentence of a batch


class Translator:
    """An export, ready to translate."""

    def __init__(self, folder: Path) -> None:
        """Load the export in ``folder``.

        Raises:
            UserError: it is no export, its files are broken, or it does not translate.
        """
        export = open_export(folder)
        if type(export.task) is not Translation:
            raise UserError(
                f"{folder}: was trained for the task {export.task.name!r}; "
                "give an export of a translation study"
            )
        self._corpus, self._model = export.task.corpus, export.model
        self._src = Tokenizer.load(folder, "src")
        self._tgt = Tokenizer.load(folder, "tgt")
        self.unknown = UnknownWords(self._corpus.src_dict.unk_word)

    def translate(self, sentences: Iterable[str], *, beam: int) -> Iterator[str]:
        """One translation a sentence, in order; an empty line stays empty.

        A sentence beyond ``MAX_CHARACTERS`` or ``MAX_TOKENS`` is cut there, with a warning.
        """
        find = partial(decode, self._model, beam=beam, limit=FULL_LIMIT)
        for found in self._found(sentences, find):
            if found is not None:
                self.unknown.wrote(found)
            yield "" if found is None else self._tgt.decode(found)

    def n_best(
        self, sentences: Iterable[str], *, beam: int, n_best: int
    ) -> Iterator[list[Hypothesis]]:
        """The ``n_best`` translations of each sentence, best first; otherwise as ``translate``.

        An empty line has one, which is empty.
        """
        find = partial(beam_search, self._model, beam=beam, n_best=n_best, limit=FULL_LIMIT)
        for found in self._found(sentences, find):
            for one in found or ():
                self.unknown.wrote(one.text)
            yield (
                [EMPTY]
                if found is None
                else [replace(one, text=self._tgt.decode(one.text)) for one in found]
            )

    def _found(self, sentences: Iterable[str], find: Find[Found]) -> Iterator[Found | None]:
        """Result of ``find`` for each sentence, in order; None for an empty line."""
        tokens = (self._tokens(text, number) for number, text in enumerate(sentences, start=1))
        for batch in _batches(tokens):
            yield from self._find_batch(batch, find)

    def _find_batch(
        self, sentences: Sequence[torch.Tensor], find: Find[Found]
    ) -> list[Found | None]:
        translations: list[Found | None] = [None] * len(sentences)
        places = [place for place, tokens in enumerate(sentences) if len(tokens)]
        if not places:
            return translations
        tokens = [sentences[place] for place in places]
        sizes = np.array([len(sentence) for sentence in tokens])
        dataset = LanguagePairDataset(tokens, sizes, self._corpus.src_dict, shuffle=False)
        batch = dataset.collater([dataset[index] for index in range(len(dataset))])
        # The collater sorts by length; ``id`` gives the sentence of each translation.
        found = find(batch, self._corpus.tgt_dict)
        for index, hypothesis in zip(batch["id"].tolist(), found, strict=True):
            translations[places[index]] = hypothesis
        return translations

    def _tokens(self, sentence: str, number: int) -> torch.Tensor:
        """Tokens of line ``number`` with the end of the sentence; none of an empty line."""
        words = self._src.encode(sentence[:MAX_CHARACTERS].strip()).split()
        most = min(MAX_TOKENS, self._model.encoder.max_positions()) - 1  # and the end
        if len(sentence) > MAX_CHARACTERS or len(words) > most:
            logger.warning(
                "line %d is too long for a sentence: only its first %d tokens are translated",
                *(number, min(len(words), most)),
            )
        if not words:
            return torch.empty(0, dtype=torch.long)
        tokens: torch.Tensor = self._corpus.src_dict.encode_line(
            " ".join(words[:most]), add_if_not_exist=False
        ).long()
        self._note_unknown(words[:most], (tokens[:-1] != self._corpus.src_dict.unk()).tolist())
        return tokens

    def _note_unknown(self, units: Sequence[str], known: Sequence[bool]) -> None:
        words = self._src.words(units)
        flags = iter(known)
        self.unknown.read(
            [word for word, _ in words], [all(list(islice(flags, n))) for _, n in words]
        )


def _batches(sentences: Iterable[torch.Tensor]) -> Iterator[list[torch.Tensor]]:
    """``sentences`` in order, in batches within ``BATCH_SENTENCES`` and ``BATCH_TOKENS``."""
    batch: list[torch.Tensor] = []
    for sentence in sentences:
        longest = max(map(len, [*batch, sentence]))
        if len(batch) == BATCH_SENTENCES or longest * (len(batch) + 1) > BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(sentence)
    yield batch


def sentences_of(lines: TextIO) -> Iterator[str]:
    """Lines of a text; one beyond ``MAX_CHARACTERS`` is given in part, and the rest passed over.

    Raises:
        UserError: a line holds a byte that is not UTF-8, decoded with ``surrogateescape``.
    """
    number = 0
    while line := lines.readline(MAX_CHARACTERS + 1):
        number += 1
        stray = _NOT_UTF8.search(line)
        if stray is not None:
            sample = (line + lines.read(_SAMPLE)).encode("utf-8", errors="surrogateescape")
            raise not_utf8("stdin", line=number, byte=ord(stray[0]) - 0xDC00, sample=sample)
        yield line
        while len(line) > MAX_CHARACTERS and not line.endswith("\n"):
            line = lines.readline(MAX_CHARACTERS + 1)


T = TypeVar("T")


def with_progress(
    items: Iterable[T],
    tell: Callable[[str], None],
    *,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[T]:
    """Pass ``items`` on; ``tell`` gets a line on their number every ``PROGRESS_S`` seconds."""
    start = last = clock()
    for n_done, item in enumerate(items, start=1):
        yield item
        now = clock()
        if now - last >= PROGRESS_S:
            tell(f"{n_done:,} lines done in {now - start:,.0f} s")
            last = now


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
        config = read_config(folder)
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
    check_weights(folder)
    return Export(config=config, task=task, model=model.eval())
