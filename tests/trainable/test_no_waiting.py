"""An update asks the GPU for nothing, so the host can be ahead of it.

Tensors of the device `meta` have a shape and no values: whoever looks at one fails, as
whoever looks at a GPU's has to wait.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from trainable.collate import inputs_on_device
from trainable.config import ModelConfig
from trainable.corpus import load_corpus, update_batches
from trainable.loss import label_smoothed_loss
from trainable.models.build import build_model

META = torch.device("meta")


def update(corpus_folder: Path, encoder: str) -> torch.Tensor:
    """The loss of an update on ``META``, up to the optimizer."""
    corpus = load_corpus(str(corpus_folder))
    config = ModelConfig(encoder=encoder, decoder="LR", d_model=16, ffn=32, heads=2, dropout=0.1)
    model = build_model(config, src_dict=corpus.src_dict, tgt_dict=corpus.tgt_dict, seed=1)
    model.to(META).train()
    indices = next(update_batches(corpus.split("train"), batch_tokens=256, seed=1, skip=0))
    batch = inputs_on_device(corpus.collator("train")(indices), META)
    features, _ = model(**batch["net_input"], features_only=True)
    loss = label_smoothed_loss(
        features, model.decoder.output_projection.weight, batch["target"], 0.1
    )
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    return loss


@pytest.mark.parametrize("encoder", ["LL", "R1LR1L", "LF", "LC", "Lf1Rf1Lf1Rf1"])
def test_an_update_looks_at_no_value(small_grammar: Path, encoder: str):
    assert update(small_grammar, encoder).device == META


def test_a_gru_has_to_know_the_lengths_of_its_sentences(small_grammar: Path):
    with pytest.raises(NotImplementedError, match="meta"):
        update(small_grammar, "LG")
