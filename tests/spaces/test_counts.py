import dataclasses

import pytest
from hypothesis import given

from spaces.counts import count_params
from spaces.dimensions import Dimensions
from spaces.kinds import ATTENTION, FEATURES, FEED_FORWARD, LAYER_KINDS, NORMS
from spaces.layout import Layout, LayoutError
from spaces.presets import PRESETS

from .strategies import layouts

PAPER = Dimensions(
    d_model=512, ffn=1024, heads=4, src_rows=8848, tgt_rows=6632, norm="post", tied="decoder"
)

# Attention: 4 x (512 x 512 + 512). Feed-forward: 512 x 1,024 + 1,024 and 1,024 x 512 + 512.
ATTENTION_PARAMS = 1_050_624
FEED_FORWARD_PARAMS = 1_050_112
NORM = 2 * 512
LAYER = ATTENTION_PARAMS + FEED_FORWARD_PARAMS + 2 * NORM  # 2,102,784
DECODER_LAYER = 2 * ATTENTION_PARAMS + FEED_FORWARD_PARAMS + 3 * NORM  # 3,154,432
LL = Layout.parse("LL")
TRANSFORMER = "LRANQP"  # kinds with the parts of a Transformer layer


def total(name: str, *, n_rows: int) -> int:
    dims = dataclasses.replace(PAPER, src_rows=n_rows - 6632)
    return count_params(PRESETS[name], LL, dims).total


def test_the_papers_layers_have_the_known_sizes():
    assert (LAYER, DECODER_LAYER) == (2_102_784, 3_154_432)
    assert sum(LAYER_KINDS["L"].params(PAPER).values()) == LAYER


def test_model0_has_31056896_parameters():
    # 8 x 2,102,784 + 2 x 3,154,432 + (8,848 + 6,632) x 512
    counts = count_params(PRESETS["model0"], LL, PAPER)
    assert counts.total == counts.learned == counts.stored == 31_056_896
    assert counts.encoder == 8 * LAYER == 16_822_272


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # 67,208 x 512 + 2 x 3,154,432 = 40,719,360, and 8, 6, 4, 5 or 2 layers of 2,102,784
        ("model0", 57_541_632),
        ("model1", 57_541_632),
        ("model2", 57_541_632),
        ("model3-pairs", 53_336_064),
        ("model4-pairs", 49_130_496),
        ("model3", 51_233_280),
        ("model4", 44_924_928),
    ],
)
def test_the_papers_table_fits_67208_embedding_rows(name, expected):
    assert total(name, n_rows=67_208) == expected


def test_a_reservoir_is_in_the_total_but_neither_learned_nor_stored():
    counts = count_params(PRESETS["model3"], LL, PAPER)
    assert counts.total - counts.learned == LAYER  # four depths, one reservoir
    assert counts.stored == counts.learned
    assert counts.encoder == 5 * LAYER


def test_a_reservoir_in_the_decoder_is_not_learned():
    counts = count_params(Layout.parse("L"), Layout.parse("RL"), PAPER)
    assert counts.total - counts.learned == DECODER_LAYER


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("F", NORM + FEED_FORWARD_PARAMS),
        # two directions, three gates: 256 x 512 + 256 x 256 weights and 2 x 256 biases
        ("G", NORM + 2 * 3 * (131_072 + 65_536 + 512)),
        # 512 -> 1,024 with bias; 4 heads of 7 taps; 512 -> 512 with bias
        ("C", NORM + 525_312 + 28 + 262_656),
    ],
)
def test_other_reservoir_kinds_have_their_own_sizes(kind, expected):
    assert sum(LAYER_KINDS[kind].params(PAPER).values()) == expected


@given(layouts())
def test_counts_do_not_depend_on_how_a_layout_is_written(layout):
    assert count_params(layout, LL, PAPER) == count_params(layout.canonical(), LL, PAPER)


def n_owners(layout: Layout, component: str, kinds: str) -> int:
    owned = zip(layout.owners_of(component), layout.kinds, strict=True)
    return len({owner for owner, kind in owned if kind in kinds})


@given(layouts())
def test_what_is_shared_counts_once(layout):
    others = sum(
        n_owners(layout, component, letter) * n_params
        for letter, kind in LAYER_KINDS.items()
        if letter not in TRANSFORMER
        for component, n_params in kind.params(PAPER).items()
    )
    expected = (
        n_owners(layout, ATTENTION, TRANSFORMER) * ATTENTION_PARAMS
        + n_owners(layout, FEED_FORWARD, TRANSFORMER) * FEED_FORWARD_PARAMS
        + n_owners(layout, NORMS, TRANSFORMER) * 2 * NORM
    )
    without_differences = Layout(tuple(layer.base for layer in layout.layers))
    features = n_owners(layout, FEATURES, "P") * 64 * (512 // 4)  # of heads of 128
    assert count_params(without_differences, LL, PAPER).encoder == others + expected + features


@pytest.mark.parametrize(
    ("kind", "n_frozen"),
    [
        ("A", ATTENTION_PARAMS),
        ("N", FEED_FORWARD_PARAMS),
        ("Q", 2 * (512 * 512 + 512)),
    ],
)
def test_a_partly_frozen_layer_learns_the_rest(kind, n_frozen):
    counts = count_params(Layout.parse(f"L{kind}"), LL, PAPER)
    assert counts.encoder == 2 * LAYER
    assert counts.total - counts.learned == counts.total - counts.stored == n_frozen
    shared = count_params(Layout.parse(f"{kind}a1{kind}a1"), LL, PAPER)
    assert shared.encoder == 2 * LAYER - ATTENTION_PARAMS


@pytest.mark.parametrize(
    ("layout", "widths"),
    [
        # Inputs and outputs of the maps: 4 of 512 and 512; 512 and 1,024, and back.
        ("L1+r8L1+r8", 2 * (4 * 1024 + 2 * 1536)),
        ("L1L1+r8", 4 * 1024 + 2 * 1536),
        ("La1+r8La1+r8L1+r8", 2 * 4 * 1024),
        ("Lf1+r8LLf1+r8", 2 * 2 * 1536),
    ],
)
def test_a_difference_has_its_rank_times_the_widths_of_the_shared_maps(layout, widths):
    with_differences = Layout.parse(layout)
    without = Layout(tuple(layer.base for layer in with_differences.layers))
    found, plain = (count_params(stack, LL, PAPER) for stack in (with_differences, without))
    assert found.encoder - plain.encoder == found.learned - plain.learned == 8 * widths


def test_differences_of_a_decoder_count_both_of_its_attentions():
    whole, plain = (count_params(LL, Layout.parse(text), PAPER) for text in ("L1+r8L1", "L1L1"))
    assert whole.total - plain.total == 8 * (8 * 1024 + 2 * 1536)


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        ("(La1)*8", ATTENTION_PARAMS + 8 * (FEED_FORWARD_PARAMS + 2 * NORM)),
        ("(Lf1)*8", FEED_FORWARD_PARAMS + 8 * (ATTENTION_PARAMS + 2 * NORM)),
        ("(Lw1)*8", LAYER + 7 * 2 * NORM),
    ],
)
def test_a_shared_part_counts_once_and_the_rest_at_each_depth(layout, expected):
    counts = count_params(Layout.parse(layout), LL, PAPER)
    assert counts.encoder == expected
    assert counts.learned == counts.total


def test_a_part_of_reservoirs_is_in_the_total_but_not_learned():
    counts = count_params(Layout.parse("Ra1LRa1L"), LL, PAPER)
    assert counts.total - counts.learned == 2 * LAYER - ATTENTION_PARAMS


def test_a_decoder_shares_both_of_its_attentions():
    whole, shared = (count_params(LL, Layout.parse(text), PAPER) for text in ("LL", "La1La1"))
    assert whole.total - shared.total == 2 * ATTENTION_PARAMS


def test_a_decoder_of_other_kinds_is_refused():
    with pytest.raises(LayoutError, match="kind 'C' at depth 0"):
        count_params(LL, Layout.parse("C"), PAPER)
