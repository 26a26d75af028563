"""Summarisation: translation within a language, from documents to summaries; ROUGE."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cached_property
from shlex import quote

import torch
from fairseq.data import data_utils
from fairseq.models import BaseFairseqModel
from torch import Tensor

from spaces.errors import DamagedData
from trainable.characters import base_language
from trainable.corpus import Corpus
from trainable.data.manifest import Lengths
from trainable.data.tokenizer import Tokenizer
from trainable.decoding import LengthLimit, decode
from trainable.metrics.metric import Metric
from trainable.metrics.rouge import ROUGE_L, Rouge1, Rouge2
from trainable.tasks.translation import FINAL_BEAM, Translation

logger = logging.getLogger(__name__)


class Summarisation(Translation):
    """From a document to its summary; the loss, batches and model are those of translation."""

    name = "summarisation"
    metric: Metric = ROUGE_L

    def __init__(self, corpus: Corpus) -> None:
        super().__init__(corpus)
        # No summary is longer than those in train, however long its document is.
        self.quick_limit = LengthLimit(ratio=0.0, extra=self.lengths.summary)
        self.full_limit = self.quick_limit

    @property
    def lengths(self) -> Lengths:
        """Length at which documents are cut, and that of the longest summary to decode."""
        if self.manifest.lengths is None:
            raise DamagedData(f"{self.folder}: its manifest has no lengths; prepare it again")
        return self.manifest.lengths

    @property
    def further_metrics(self) -> Sequence[Metric]:
        language = base_language(self.manifest.sides[1])
        return Rouge1(language=language), Rouge2(language=language)

    @property
    def limits(self) -> str:
        n_documents = self.manifest.counts["train"].n_sentences
        return (
            f"Trained on {n_documents:,} documents of one corpus, of which it reads the first\n"
            f"{self.lengths.document:,} tokens. A summary can state what its document does not."
        )

    def use_commands(self, folder: str) -> tuple[str, ...]:
        theirs = (
            f"fairseq-generate DATA --path checkpoint.pt --user-dir TRAINABLE --beam {FINAL_BEAM} "
            f"--max-len-a 0 --max-len-b {self.lengths.summary} \\\n"
            f"    {self.remove_bpe} --required-batch-size-multiple 1"
        )
        return f"reservoir-search predict {quote(folder)} < {self.manifest.src}s.txt", theirs

    def answers(self, model: BaseFairseqModel, sentences: Sequence[str]) -> list[str]:
        """A summary of each document, by the decoding of an export's scores."""
        rows = [self._document(text) for text in sentences]
        tokens_BS = data_utils.collate_tokens(rows, self.corpus.src_dict.pad(), left_pad=True)
        source = {
            "src_tokens": tokens_BS,
            "src_lengths": torch.tensor([len(row) for row in rows]),
        }
        found = decode(
            model,
            {"net_input": source},
            self.corpus.tgt_dict,
            beam=FINAL_BEAM,
            limit=self.full_limit,
        )
        return [self._summaries.decode(tokens) for tokens in found]

    def _document(self, text: str) -> Tensor:
        """Tokens of a raw document as far as the model reads it, and the end."""
        most = self.lengths.document
        words = self._documents.encode(text).split()
        if len(words) > most:
            logger.warning("a document is too long: only its first %d tokens are read", most)
        tokens: Tensor = self.corpus.src_dict.encode_line(
            " ".join(words[:most]), add_if_not_exist=False
        ).long()
        return tokens

    @cached_property
    def _documents(self) -> Tokenizer:
        return Tokenizer.load(self.folder, "src")

    @cached_property
    def _summaries(self) -> Tokenizer:
        return Tokenizer.load(self.folder, "tgt")
