import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spaces.kinds import ATTENTION, FEED_FORWARD, LAYER_KINDS, NORMS
from spaces.layout import (
    MAX_DEPTH,
    Layer,
    Layout,
    LayoutError,
    check_decoder,
)

from .strategies import layers, layouts


def shared_pairs(layout: Layout) -> set[tuple[int, int, str]]:
    """Pairs of depths that share a component, by the rule: equal letters and number."""
    return {
        (low, high, upper.part)
        for high, upper in enumerate(layout.layers)
        for low, lower in enumerate(layout.layers[:high])
        if upper.weight_set is not None
        and (upper.kind, upper.part, upper.weight_set) == (lower.kind, lower.part, lower.weight_set)
    }


def differences(layout: Layout) -> list[int]:
    """Rank of the difference at each depth, which only a depth that shares can have."""
    sharing = {depth for low, high, _ in shared_pairs(layout) for depth in (low, high)}
    return [layer.rank if depth in sharing else 0 for depth, layer in enumerate(layout.layers)]


def is_same_model(one: Layout, other: Layout) -> bool:
    return (
        one.kinds == other.kinds
        and shared_pairs(one) == shared_pairs(other)
        and differences(one) == differences(other)
    )


@st.composite
def stacks_of_the_same_kinds(draw) -> tuple[Layout, Layout]:
    kinds = draw(st.text("LR", min_size=1, max_size=5))
    one, other = (
        Layout(tuple(draw(layers.filter(lambda x, kind=kind: x.kind == kind)) for kind in kinds))
        for _ in range(2)
    )
    return one, other


# Notation together with the layers it should give, nested as it comes.
notation = st.recursive(
    layers.map(lambda layer: (str(layer), [layer])),
    lambda inner: st.tuples(st.lists(inner, min_size=1, max_size=3), st.integers(1, 3)).map(
        lambda group: (
            f"({''.join(text for text, _ in group[0])})*{group[1]}",
            [layer for _, found in group[0] for layer in found] * group[1],
        )
    ),
    max_leaves=6,
).filter(lambda pair: len(pair[1]) <= MAX_DEPTH)


@given(layouts())
def test_a_layout_parses_back_from_its_text(layout):
    assert Layout.parse(str(layout)) == layout


@given(notation)
def test_repeats_are_written_out_however_they_nest(pair):
    text, expected = pair
    assert Layout.parse(text) == Layout(tuple(expected))


@given(layouts())
def test_the_canonical_form_is_its_own_canonical_form(layout):
    assert layout.canonical().canonical() == layout.canonical()


@given(layouts())
def test_the_canonical_form_is_the_same_model(layout):
    assert is_same_model(layout, layout.canonical())


@given(stacks_of_the_same_kinds() | st.tuples(layouts(3), layouts(3)))
def test_two_layouts_are_the_same_model_if_and_only_if_their_canonical_forms_are_equal(pair):
    one, other = pair
    assert is_same_model(one, other) == (one.canonical() == other.canonical())


@given(layouts(), st.randoms(use_true_random=False))
def test_renaming_sets_never_changes_the_canonical_form(layout, rng: random.Random):
    names = rng.sample(range(1, 1000), k=4)
    renamed = Layout(
        tuple(
            Layer(
                layer.kind,
                None if layer.weight_set is None else names[layer.weight_set],
                layer.part,
                layer.rank,
            )
            for layer in layout.layers
        )
    )
    assert renamed.canonical() == layout.canonical()


@given(layouts())
def test_owners_count_weight_sets_from_the_bottom(layout):
    owners = layout.owners
    first_uses = [owner for depth, owner in enumerate(owners) if owner not in owners[:depth]]
    assert first_uses == list(range(len(set(owners))))
    assert "".join(layout.set_kinds[owner] for owner in owners) == layout.kinds


@pytest.mark.parametrize(
    ("text", "n_sets"), [("RLRL", 4), ("R1LR1L", 3), ("(R1L1)*4", 2), ("R1L1", 2)]
)
def test_equal_letter_and_number_are_one_weight_set(text, n_sets):
    assert len(Layout.parse(text).set_kinds) == n_sets


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("(R1L)*2", "R1LR1L"),
        ("R7LR7L9", "R1LR1L"),  # a set used once has no number
        ("R2R1R2R1", "R1R2R1R2"),
        ("R3L3R3L3R8L8R8L8", "R1L1R1L1R2L2R2L2"),  # kinds are numbered apart
        ("La7La7Lf7Lf7L3L3", "La1La1Lf1Lf1L1L1"),  # and so are parts
        ("La1Lf1Lw1", "LLL"),
        ("L7+r4L7L7+r8", "L1+r4L1L1+r8"),  # a difference is the use's, not the set's
        ("Lf3+r1Lf3+r1L5+r8", "Lf1+r1Lf1+r1L"),  # and none where the set is used once
    ],
)
def test_the_canonical_form_numbers_sets_in_order_of_first_use(text, canonical):
    assert str(Layout.parse(text).canonical()) == canonical


@pytest.mark.parametrize(
    ("text", "n_attentions", "n_feed_forwards", "n_norms"),
    [
        ("L1L1L1", 1, 1, 1),
        ("La1La1La1", 1, 3, 3),
        ("Lf1Lf1Lf1", 3, 1, 3),
        ("Lw1Lw1Lw1", 1, 1, 3),
        ("Ra1La1Ra1La1", 2, 4, 4),  # kinds share within themselves
        ("L1La1L1La1", 2, 3, 3),
    ],
)
def test_a_part_shares_what_it_names(text, n_attentions, n_feed_forwards, n_norms):
    layout = Layout.parse(text)
    expected = {ATTENTION: n_attentions, FEED_FORWARD: n_feed_forwards, NORMS: n_norms}
    assert {name: len(set(layout.owners_of(name))) for name in expected} == expected


@settings(deadline=1000)
@given(st.text() | st.text([*LAYER_KINDS, *"afw()*0123456789 x+r"], max_size=40))
def test_any_text_is_a_layout_or_a_layout_error(text):
    try:
        layout = Layout.parse(text)
    except LayoutError:
        return
    assert 1 <= layout.depth <= MAX_DEPTH


@pytest.mark.parametrize(
    "text",
    [
        "(R)*999999999",
        "(R)*" + "9" * 100_000,
        "R" + "9" * 100_000,
        "L" * 1_000_000,
        "(" * 300_000,
        "(" * 300_000 + ")*1" * 300_000,
        "(" * 200 + "L" + ")*9" * 200,
    ],
    ids=lambda text: text[:8],
)
@pytest.mark.timeout(5)
def test_a_hostile_text_is_one_short_error(text):
    with pytest.raises(LayoutError) as caught:
        Layout.parse(text)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("LRX", "layout 'LRX': unknown layer kind 'X' at depth 2; use L, R, A, N, Q, P, F, G or C"),
        ("l", "unknown layer kind 'l' at depth 0"),
        ("", "it has no layers"),
        ("R0", "weight set '0' at depth 0 is not a number from 1"),
        ("LR01", "weight set '01' at depth 1"),
        ("LLb1", "unknown part 'Lb' at depth 1; use La or Lf or Lw, or the letter alone"),
        ("Rw1Rw1", "unknown part 'Rw' at depth 0; use Ra or Rf"),
        ("Fa1", "unknown part 'Fa' at depth 0; such a layer is shared whole"),
        ("LLa", "'La' at depth 1 names no weight set; write La1"),
        ("LL+r8", r"'L\+r' at depth 1 names no weight set that it differs from; write L1\+r8"),
        ("L1+r0", "rank '0' at depth 0 is not a number from 1 to 999$"),
        ("L1+r1000", "rank '1000' at depth 0 is not a number from 1 to 999$"),
        ("L1+rL1", "rank '' at depth 0"),
        ("L1L1+8", r"unexpected '\+' at position 4"),
        ("R1R1+r8", "a reservoir 'R' at depth 1 has no differences; only L learns them"),
        ("Lf0", "weight set '0' at depth 0 is not a number from 1"),
        ("L L", "unexpected ' ' at position 1"),
        ("L*3", r"unexpected '\*' at position 1"),
        ("(RL", r"a '\(' is never closed"),
        ("RL)*2", r"'\)' at position 2 closes nothing"),
        ("(RL)", "closed at position 3 has no number of repeats"),
        ("(RL)*0", "repeat '0' at position 3"),
        ("()*2", "closed at position 1 is empty"),
        ("(RL)*129", "more than 256 layers deep at position 3"),
    ],
)
def test_a_faulty_text_is_told_its_place_and_the_rule(text, fault):
    with pytest.raises(LayoutError, match=fault):
        Layout.parse(text)


def test_a_layer_of_no_kind_is_a_broken_promise():
    with pytest.raises(ValueError, match="layer kind 'X'"):
        Layer("X")


@pytest.mark.parametrize("layer", [("L", None, "a"), ("L", 1, "x"), ("R", 1, "w"), ("F", 1, "f")])
def test_a_layer_of_no_part_is_a_broken_promise(layer):
    with pytest.raises(ValueError, match="part"):
        Layer(*layer)


@pytest.mark.parametrize("layer", [("L", None, "", 8), ("R", 1, "", 8), ("L", 1, "", 1000)])
def test_a_difference_of_nothing_is_a_broken_promise(layer):
    with pytest.raises(ValueError, match=r"difference|rank"):
        Layer(*layer)


def test_a_decoder_refuses_a_kind_without_attention_to_the_encoder():
    check_decoder(Layout.parse("R1LR1"))
    with pytest.raises(LayoutError, match="decoder layout 'LF': kind 'F' at depth 1"):
        check_decoder(Layout.parse("LF"))
