"""Two candidates have one key if and only if the models that are built of them are one."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
import torch

from spaces.candidate import Candidate
from spaces.layout import NO_DECODER, Layout
from trainable.config import ModelConfig
from trainable.tasks.registry import load_task

ATTENTION = {
    "attention": ("softmax", "performer", "linformer"),
    "attention_features": (3, 5),
    "attention_length": (4, 6),
    "attention_sharing": ("none", "all"),
}
DRAW = {"reservoir_draw": ("xavier", "sparse"), "reservoir_density": (0.2, 0.7)}
TOKENS = torch.tensor([[7, 5, 9, 6, 2], [8, 5, 2, 1, 1]])


def states(folder: Path, encoder: str, settings: dict[str, object]) -> bytes:
    """Output of the model's encoder for two sentences, bit for bit."""
    sizes = {"encoder": encoder, "decoder": "none", "d_model": 16, "ffn": 16, "heads": 2}
    model = load_task(str(folder)).build_model(ModelConfig(**sizes, **settings), seed=1).eval()
    with torch.no_grad():
        return bytes(model.encoder(TOKENS)["encoder_out"][0].numpy())


def key(encoder: str, settings: dict[str, object]) -> str:
    hyper = {f"model.{name}": value for name, value in settings.items()}
    layout = Layout.parse(encoder)
    return Candidate(encoder=layout, decoder=NO_DECODER, reservoir_gain=1.0, hyper=hyper).key


@pytest.mark.parametrize("varied", [ATTENTION, DRAW], ids=["attention", "draw"])
@pytest.mark.parametrize("encoder", ["LL", "RL", "PL", "PP", "FG", "FP"])
def test_the_key_leaves_out_just_what_changes_nothing(english, encoder, varied):
    settings = [dict(zip(varied, values, strict=True)) for values in product(*varied.values())]
    pairs = {(key(encoder, each), states(english, encoder, each)) for each in settings}
    assert len({k for k, _ in pairs}) == len({s for _, s in pairs}) == len(pairs)


@pytest.mark.parametrize("name", [*ATTENTION, *DRAW])
def test_a_setting_counts_where_the_deciding_one_is_not_searched(name):
    values = (ATTENTION | DRAW)[name][:2]
    assert len({key("RL", {name: value}) for value in values}) == 2
