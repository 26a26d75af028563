from collections.abc import Callable

import pytest
import torch
from fairseq.data import Dictionary

from trainable.config import ModelConfig
from trainable.models.build import build_model
from trainable.models.reservoir_transformer import ReservoirTransformer

SRC_ROWS, TGT_ROWS = 23, 19  # the four special symbols included
SMALL = {"d_model": 16, "ffn": 24, "heads": 2, "dropout": 0.0}

Build = Callable[..., ReservoirTransformer]


def make_dictionary(n_rows: int) -> Dictionary:
    dictionary = Dictionary()
    for index in range(n_rows - len(dictionary)):
        dictionary.add_symbol(f"word{index}")
    return dictionary


@pytest.fixture
def build() -> Build:
    """A small model of two layouts; settings of ModelConfig by name."""

    def build_small(encoder: str, decoder: str = "L", *, seed: int = 1, **settings):
        config = ModelConfig(encoder=encoder, decoder=decoder, **(SMALL | settings))
        src_dict = make_dictionary(SRC_ROWS)
        tgt_dict = src_dict if config.tied == "all" else make_dictionary(TGT_ROWS)
        return build_model(config, src_dict=src_dict, tgt_dict=tgt_dict, seed=seed)

    return build_small


@pytest.fixture
def batch() -> dict[str, torch.Tensor]:
    """Three sentences of 6, 4 and 2 tokens: source padded on the left, target on the right."""
    pad, generator = 1, torch.Generator().manual_seed(7)
    src = torch.randint(4, SRC_ROWS, (3, 6), generator=generator)
    prev = torch.randint(4, TGT_ROWS, (3, 5), generator=generator)
    target = torch.randint(4, TGT_ROWS, (3, 5), generator=generator)
    src[1, :2] = src[2, :4] = pad
    prev[2, 3:] = target[2, 3:] = pad
    lengths = torch.tensor([6, 4, 2])
    return {"src_tokens": src, "src_lengths": lengths, "prev_output_tokens": prev, "target": target}


@pytest.fixture
def logits() -> Callable[[ReservoirTransformer, dict[str, torch.Tensor]], torch.Tensor]:
    """A model's output for a batch, one row of the dictionary for each target position."""

    def of(model, batch):
        inputs = {name: value for name, value in batch.items() if name != "target"}
        return model(**inputs)[0]

    return of


@pytest.fixture
def loss(logits) -> Callable[[ReservoirTransformer, dict[str, torch.Tensor]], torch.Tensor]:
    """The cross-entropy of a batch, summed over target tokens."""

    def of(model, batch):
        scores = logits(model, batch).flatten(0, 1)
        return torch.nn.functional.cross_entropy(
            scores, batch["target"].flatten(), ignore_index=1, reduction="sum"
        )

    return of
