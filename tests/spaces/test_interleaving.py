import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaces.interleaving import PATTERNS, reservoir_depths


def drawn(pattern: str, depth: int, n_reservoirs: int) -> str:
    at = reservoir_depths(pattern, depth=depth, n_reservoirs=n_reservoirs)
    return "".join("R" if d in at else "L" for d in range(depth))


@pytest.mark.parametrize(
    ("pattern", "n_reservoirs", "kinds"),
    [
        ("alternating-r-first", 4, "RLRLRLRL"),
        ("alternating-l-first", 4, "LRLRLRLR"),
        ("alternating-r-first", 2, "RLRLLLLL"),  # then L fills the rest
        ("alternating-r-first", 6, "RLRLRRRR"),  # then R fills the rest
        ("alternating-l-first", 6, "LRLRRRRR"),
        ("bottom", 3, "RRRLLLLL"),
        ("top", 3, "LLLLLRRR"),
        ("middle", 2, "LLLRRLLL"),
        ("middle", 3, "LLRRRLLL"),
        ("even", 2, "RLLLRLLL"),  # the paper's model 1
        ("even", 4, "RLRLRLRL"),
        ("even", 3, "RLRLLRLL"),
        ("alternating-centred", 1, "LLLRLLLL"),
        ("alternating-centred", 2, "LLRLRLLL"),
        ("alternating-centred", 4, "RLRLRLRL"),
        ("alternating-centred", 6, "RRLRLRRR"),
    ],
)
def test_a_pattern_places_reservoirs_in_a_stack_of_eight(pattern, n_reservoirs, kinds):
    assert drawn(pattern, 8, n_reservoirs) == kinds


@given(st.sampled_from(PATTERNS), st.integers(1, 40), st.data())
def test_every_pattern_places_as_many_as_asked_from_the_bottom_up(pattern, depth, data):
    n_reservoirs = data.draw(st.integers(0, depth))
    found = reservoir_depths(pattern, depth=depth, n_reservoirs=n_reservoirs)
    assert len(found) == n_reservoirs
    assert list(found) == sorted(set(found))
    assert all(0 <= d < depth for d in found)


@given(st.integers(1, 40), st.data())
def test_even_leaves_gaps_that_differ_by_one_at_most(depth, data):
    n_reservoirs = data.draw(st.integers(1, depth))
    found = reservoir_depths("even", depth=depth, n_reservoirs=n_reservoirs)
    gaps = [high - low for low, high in zip(found, [*found[1:], depth], strict=True)]
    assert found[0] == 0
    assert max(gaps) - min(gaps) <= 1


def test_centred_alternation_is_the_placement_of_shen_et_al():
    assert drawn("alternating-centred", 7, 2) == "LLRLRLL"


@given(st.integers(1, 40), st.data())
def test_centred_alternation_is_its_own_mirror_image_but_for_one_layer(depth, data):
    n_reservoirs = data.draw(st.integers(1, depth))
    kinds = drawn("alternating-centred", depth, n_reservoirs)
    assert kinds in (kinds[::-1], kinds[-2::-1] + kinds[-1])
    rarer = min("RL", key=kinds.count)
    assert rarer * 2 not in kinds  # no two of them lie together


def test_more_reservoirs_than_depths_are_a_broken_promise():
    with pytest.raises(ValueError, match="9 reservoirs do not fit a stack 8 deep"):
        reservoir_depths("even", depth=8, n_reservoirs=9)
