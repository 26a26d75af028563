"""The paper's models as the benchmarks train them, and the work they are held against."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.matrix_products import _products
from benchmarks.models import MODELS, SMALL, trial
from benchmarks.reservoir_gain import BASE, PAPER, _flops
from spaces.dimensions import Dimensions
from spaces.flops import flops_per_token
from spaces.layout import Layout


def test_every_model_of_the_paper_has_its_gain_there():
    assert set(PAPER) == set(MODELS) - {BASE}


def test_arithmetic_allows_more_for_more_reservoirs_and_nothing_for_sharing(small_grammar: Path):
    flops = [_flops(trial(model, SMALL, small_grammar, n_turns=1)) for model in MODELS]
    assert flops[0] > flops[1] > flops[2] == flops[3] == flops[4]


def test_a_trial_stops_for_a_breath_after_each_turn(small_grammar: Path):
    config = trial("model2", SMALL, small_grammar, n_turns=3)
    assert str(config.model.encoder) == "RLRLRLRL"
    assert config.validation.interval_updates == SMALL.turn
    assert config.budget.updates == 3 * SMALL.turn


def test_the_shapes_in_use_hold_all_weights_work_but_attention_to_the_encoder():
    dims = Dimensions(
        d_model=32, ffn=64, heads=2, src_rows=100, tgt_rows=120, norm="pre", tied="decoder"
    )
    n_tokens = 50_000  # more than the projection takes at once
    products = _products(dims, depth=6, n_tokens=n_tokens)
    forward = sum(product.flops * count for product, count in products.items()) / n_tokens
    # Sentences of no length leave nothing to attention scores.
    length = 1e-9
    whole = flops_per_token(
        Layout.parse("LLLL"), Layout.parse("LL"), dims, src_length=length, tgt_length=length
    ).forward
    to_the_encoder = 2 * 4 * 2 * 32 * 32  # two layers; query, key, value, output
    assert forward == pytest.approx(whole - to_the_encoder)
