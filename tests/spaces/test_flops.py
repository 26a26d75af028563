import dataclasses

import pytest
from hypothesis import given

from spaces.dimensions import Attention, Dimensions
from spaces.flops import FlopsPerToken, Savings, flops_per_token
from spaces.layout import Layout, LayoutError

from .strategies import layouts

DIMS = Dimensions(d_model=8, ffn=12, heads=2, src_rows=20, tgt_rows=30, norm="pre", tied="decoder")
OUTPUT = 2 * 8 * 30


def flops(encoder: str, decoder: str = "L", *, src: float = 10, tgt: float = 5) -> FlopsPerToken:
    return flops_per_token(
        Layout.parse(encoder), Layout.parse(decoder), DIMS, src_length=src, tgt_length=tgt
    )


def test_forward_counts_every_product_once_for_its_token():
    # An encoder layer and a source token: four 8 x 8, an 8 x 12 and a 12 x 8; 10 keys, 10 values.
    encoder = 2 * (4 * 64 + 2 * 96) + 2 * 2 * 8 * 10
    # A decoder layer and a target token: six 8 x 8 of its own, feed-forward, 5 and 10 keys.
    decoder = 2 * (6 * 64 + 2 * 96) + 2 * 2 * 8 * (5 + 10)
    # Two source tokens stand beside each target token; the decoder's keys and values are theirs.
    assert flops("L").forward == 2 * encoder + decoder + 2 * 2 * (2 * 64) + OUTPUT


def test_training_is_three_forwards_where_all_is_learned():
    found = flops("LL", "LL")
    assert found.training == 3 * found.forward


def test_a_reservoir_saves_the_gradient_of_its_weights_and_no_more():
    learned, reservoir = flops("L"), flops("R")
    weights = 2 * 2 * (4 * 64 + 2 * 96)  # forward FLOPs of the weights of one layer
    assert reservoir.forward == learned.forward
    assert learned.training - reservoir.training == weights


@pytest.mark.parametrize(
    ("kind", "products"),
    [
        ("F", 2 * 8 * 12),
        ("G", 2 * 3 * (8 * 4 + 4 * 4)),
        ("C", 8 * 16 + 7 * 8 + 8 * 8),
    ],
)
def test_other_reservoirs_cost_their_products(kind, products):
    added = flops(f"L{kind}", src=5), flops("L", src=5)
    assert added[0].forward - added[1].forward == 2 * products
    assert added[0].training - added[1].training == 2 * 2 * products


@given(layouts())
def test_sharing_saves_no_work(layout):
    shared = flops("".join(str(layer.base) for layer in layout.layers))
    unshared = flops(layout.kinds)
    assert shared == unshared


@pytest.mark.parametrize(
    ("kind", "frozen"), [("A", 4 * 8 * 8), ("N", 2 * 8 * 12), ("Q", 2 * 8 * 8)]
)
def test_a_partly_frozen_layer_saves_the_gradients_of_its_frozen_weights(kind, frozen):
    learned, partly = flops("L"), flops(kind)
    assert partly.forward == learned.forward
    assert learned.training - partly.training == 2 * 2 * frozen
    # Its learned part needs a gradient, so none goes around it.
    assert saving(kind, around_reservoirs=True) == partly.training


def test_a_partly_frozen_decoder_layer_saves_the_gradients_of_its_frozen_weights():
    # Queries of both attentions and keys of itself on target tokens, keys of two source tokens.
    assert flops("L", "L").training - flops("L", "Q").training == 2 * (3 + 2) * 64


def test_differences_cost_their_two_products_at_each_map_they_differ_in():
    plain, differing = flops("L1L1"), flops("L1+r2L1+r2")
    added = 2 * 2 * 2 * 2 * (4 * 16 + 2 * 20)  # two layers, two source tokens, rank 2, FLOPs
    assert differing.forward - plain.forward == added
    assert differing.training - plain.training == 3 * added


def test_differences_in_a_decoder_cost_more_on_longer_sources():
    plain, differing = flops("L", "L1L1"), flops("L", "L1L1+r2")
    # Six projections of a target token and two of each of its two source tokens.
    assert differing.forward - plain.forward == 2 * 2 * ((6 + 2 * 2) * 16 + 2 * 20)


def with_attention(way: str, src: float, encoder: str = "L") -> FlopsPerToken:
    attention = Attention(way=way, n_features=6, length=3)
    dims = dataclasses.replace(DIMS, attention=attention)
    return flops_per_token(
        Layout.parse(encoder), Layout.parse("L"), dims, src_length=src, tgt_length=src
    )


def test_a_performers_work_for_a_token_does_not_grow_with_the_length():
    # In the place of 10 keys and 10 values: six features, met by keys and values and by queries.
    added = 2 * 2 * 8 * 6 + 2 * 2 * 8 * 6
    found, softmax = with_attention("performer", 10), with_attention("softmax", 10)
    assert found.forward - softmax.forward == added - 2 * 2 * 8 * 10
    # The features' products have one gradient, the others two.
    assert found.training - softmax.training == 2 * 192 + 3 * 192 - 3 * 320
    longer = with_attention("performer", 20).forward - found.forward
    assert longer == 2 * 2 * 8 * (10 + 10)  # the decoder's


def test_linformers_work_for_a_token_does_not_grow_with_the_length():
    found, softmax = with_attention("linformer", 10), with_attention("softmax", 10)
    # Keys and values projected to three positions, and three keys and values in the place of 10.
    assert found.forward - softmax.forward == 2 * 2 * 8 * 3 + 2 * 2 * 8 * 3 - 2 * 2 * 8 * 10
    longer = with_attention("linformer", 20).forward - found.forward
    assert longer == 2 * 2 * 8 * (10 + 10)


def test_a_performer_reservoir_is_one_whatever_the_models_attention():
    reservoir = with_attention("softmax", 10, "P")
    assert reservoir.forward == with_attention("performer", 10, "R").forward
    assert reservoir == with_attention("linformer", 10, "P")


def test_longer_sentences_cost_attention_alone():
    longer, shorter = flops("F", src=20, tgt=20), flops("F", src=10, tgt=10)
    # 10 more keys and values of itself and of the source, in the one decoder layer
    assert longer.forward - shorter.forward == 2 * 2 * 8 * (10 + 10)


def test_the_output_projection_follows_the_target_dictionary():
    wider = dataclasses.replace(DIMS, tgt_rows=31)
    stack = Layout.parse("L")
    found = flops_per_token(stack, stack, wider, src_length=10, tgt_length=5)
    assert found.forward - flops("L").forward == 2 * 8


def test_a_decoder_of_other_kinds_is_refused():
    with pytest.raises(LayoutError, match="kind 'G' at depth 0"):
        flops("L", "G")


def saving(encoder: str, **savings) -> float:
    stack, decoder = Layout.parse(encoder), Layout.parse("L")
    with_savings = Savings(**savings)
    return flops_per_token(
        stack, decoder, DIMS, src_length=10, tgt_length=5, savings=with_savings
    ).training


def test_factorised_embeddings_cost_their_three_matrices_and_save_at_the_output():
    narrow = dataclasses.replace(DIMS, embedding_dim=2)
    stacks = Layout.parse("L"), Layout.parse("L")
    found = flops_per_token(*stacks, narrow, src_length=10, tgt_length=5)
    # Two source tokens and a target token are widened, the target token's features narrowed.
    assert found.forward == flops("L").forward - OUTPUT + 2 * 2 * 30 + (2 + 1 + 1) * 2 * 2 * 8


def test_gradients_that_go_around_a_reservoir_cost_nothing():
    added = flops("LR").forward - flops("L").forward
    assert saving("LR", around_reservoirs=True) == saving("L") + added
    assert saving("LL", around_reservoirs=True) == saving("LL")


def test_a_frozen_layer_costs_what_a_reservoir_costs():
    assert saving("LL", frozen=frozenset({0})) == flops("RL").training


def test_layers_passed_over_cost_their_chance():
    one_layer = flops("LL").training - flops("L").training
    assert saving("LL", layer_drop=0.25) == pytest.approx(flops("L").training + 0.5 * one_layer)
