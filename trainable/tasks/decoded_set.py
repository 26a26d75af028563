"""An evaluation set whose outputs are text, decoded in batches."""

from __future__ import annotations

import math

import torch
from fairseq.models import BaseFairseqModel
from torch import Tensor

from trainable.collate import Batch, inputs_on_device
from trainable.corpus import Corpus, evaluation_batches
from trainable.data.tokenizer import Tokenizer
from trainable.decoding import LengthLimit, decode, encode
from trainable.device import mixed_precision
from trainable.loss import label_smoothed_loss
from trainable.metrics.metric import Metric
from trainable.models.encoder import EncoderOut
from trainable.ranks import Ranks
from trainable.tasks.task import Scores, chosen_examples

# Tokens of a batch; without gradients many sentences fit. A GPU takes the same time for more.
DECODING_TOKENS = {"cpu": 8192, "cuda": 32_768}


class DecodedSet:
    """A split, or a fixed part of it, with its references; decoded on all ranks at once."""

    def __init__(
        self,
        corpus: Corpus,
        split: str,
        *,
        metric: Metric,
        n_sentences: int | None,
        beam: int,
        limit: LengthLimit,
        label_smoothing: float,
        ranks: Ranks,
        device: torch.device,
        autocast: torch.dtype | None = None,
    ) -> None:
        """With ``autocast`` the model computes in that type; the loss is always fp32."""
        self._corpus = corpus
        self._metric = metric
        dataset = corpus.split(split)
        self._collate = corpus.collator(split)
        self._beam = beam
        self._limit = limit
        self._label_smoothing = label_smoothing
        self._ranks = ranks
        self._device = device
        self._autocast = autocast
        self._tokenizer = Tokenizer.load(corpus.folder, "tgt")
        chosen = chosen_examples(len(dataset), n_sentences)
        references = corpus.raw(split, corpus.manifest.sides[1])
        self._references = {index: references[index] for index in chosen.tolist()}
        self._batches = ranks.share(
            evaluation_batches(dataset, chosen, DECODING_TOKENS[device.type])
        )

    @property
    def references(self) -> list[str]:
        """References of the outputs, in dataset order."""
        return list(self._references.values())

    @torch.no_grad()
    def measure(self, model: BaseFairseqModel) -> Scores:
        """Decode and score with ``model`` as it stands; every rank gets the same scores."""
        model.eval()
        outputs: dict[int, str] = {}
        loss_sum, n_tokens = 0.0, 0
        for indices in self._batches:
            batch = inputs_on_device(self._collate(indices), self._device)
            with mixed_precision(self._device, self._autocast):
                encoder_out = encode(model, batch)
                features, _ = model.decoder(
                    batch["net_input"]["prev_output_tokens"], encoder_out, features_only=True
                )
                outputs |= self._decoded(model, batch, encoder_out)
            loss_sum += self._loss(model, batch, features)
            n_tokens += batch["ntokens"]
        model.train()
        parts = self._ranks.gather((outputs, loss_sum, n_tokens))
        everywhere: dict[int, str] = {}
        for part, _, _ in parts:
            everywhere |= part
        in_order = tuple(everywhere[index] for index in self._references)
        loss = sum(part[1] for part in parts) / sum(part[2] for part in parts) / math.log(2)
        return Scores(
            score=self._metric.score(in_order, self.references),
            loss=loss,
            signature=self._metric.signature,
            outputs=in_order,
        )

    def _loss(self, model: BaseFairseqModel, batch: Batch, features: Tensor) -> float:
        loss = label_smoothed_loss(
            features.float(),
            model.decoder.output_projection.weight,
            batch["target"],
            self._label_smoothing,
        )
        return float(loss.item())

    def _decoded(
        self, model: BaseFairseqModel, batch: Batch, encoder_out: EncoderOut
    ) -> dict[int, str]:
        hypotheses = decode(
            model,
            batch,
            self._corpus.tgt_dict,
            beam=self._beam,
            limit=self._limit,
            encoder_out=encoder_out,
        )
        return {
            index: self._tokenizer.decode(tokens)
            for index, tokens in zip(batch["id"].tolist(), hypotheses, strict=True)
        }
