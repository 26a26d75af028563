from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaces.presets import PRESETS
from spaces.sharing import check_sharing, rules_differ, share, weight_sets

from .strategies import PART_SHARINGS, SHARINGS


@pytest.mark.parametrize(
    ("rule", "sets"),
    [
        ("none", (0, 1, 2, 3, 4)),
        ("all", (0, 0, 0, 0, 0)),
        ("pairs", (0, 0, 1, 1, 2)),
        ("cycle-2", (0, 1, 0, 1, 0)),
        ("cycle-3", (0, 1, 2, 0, 1)),
        ("cycle-9", (0, 1, 2, 3, 4)),
        ("groups-3", (0, 0, 0, 1, 1)),
        ("sequence-2", (0, 0, 0, 1, 1)),
        ("sequence-3", (0, 0, 1, 1, 2)),
        ("sequence-9", (0, 1, 2, 3, 4)),
        ("cycle-rev-2", (0, 1, 0, 1, 1)),  # the last turn, cut short, begins at its end
        ("cycle-rev-3", (0, 1, 2, 2, 1)),
        ("cycle-rev-9", (0, 1, 2, 3, 4)),
        ("sandwich", (0, 1, 1, 1, 2)),
    ],
)
def test_a_rule_gives_five_layers_their_sets(rule, sets):
    assert weight_sets(rule, 5) == sets


@pytest.mark.parametrize(
    ("name", "learned", "reservoir"),
    [
        ("model2", "none", "none"),
        ("model3", "none", "all"),
        ("model4", "all", "all"),
        ("model3-pairs", "none", "pairs"),
        ("model4-pairs", "pairs", "pairs"),
    ],
)
def test_the_papers_models_are_sharings_of_one_stack(name, learned, reservoir):
    assert share("RLRLRLRL", learned=learned, reservoir=reservoir) == PRESETS[name]


@pytest.mark.parametrize(
    ("rule", "layout"),
    [
        ("sequence-3", "L1L1L2L2L3L3"),
        ("cycle-3", "L1L2L3L1L2L3"),
        ("cycle-rev-3", "L1L2L3L3L2L1"),
    ],
)
def test_takase_and_kiyonos_figure_of_six_layers_and_three_sets(rule, layout):
    assert str(share("LLLLLL", learned=rule, reservoir="none")) == layout


@pytest.mark.parametrize("n_layers", range(1, 15))
@pytest.mark.parametrize("n_sets", [2, 3, 4])
def test_takase_and_kiyonos_algorithm(n_layers, n_sets):
    """Cycle and cycle-rev word for word, layers from 1; N their number, M that of the sets."""
    cycle, cycle_rev = [], []
    for i in range(1, n_layers + 1):
        in_turn = (i - 1) % n_sets + 1
        back = i > n_sets and i > n_sets * (-(-n_layers // n_sets) - 1)
        cycle.append(in_turn - 1)
        cycle_rev.append((n_sets - (i - 1) % n_sets if back else in_turn) - 1)
    assert weight_sets(f"cycle-{n_sets}", n_layers) == tuple(cycle)
    assert weight_sets(f"cycle-rev-{n_sets}", n_layers) == tuple(cycle_rev)


@given(st.integers(1, 40), st.integers(2, 9))
def test_a_sequence_has_its_number_of_runs_of_like_length(n_layers, n_sets):
    sets = weight_sets(f"sequence-{n_sets}", n_layers)
    sizes = Counter(sets).values()
    assert sets == tuple(sorted(sets))
    assert len(sizes) == min(n_sets, n_layers)
    assert max(sizes) - min(sizes) <= 1


def test_a_sandwich_of_one_two_and_three():
    assert [weight_sets("sandwich", n) for n in (0, 1, 2, 3)] == [(), (0,), (0, 1), (0, 1, 2)]


def test_each_reservoir_kind_shares_within_itself():
    assert str(share("RFRFLL", learned="none", reservoir="all")) == "R1F1R1F1LL"


@pytest.mark.parametrize(
    ("rule", "layout"),
    [
        ("all:attention", "RLa1RLa1La1"),
        ("pairs:feed-forward", "RLf1RLf1L"),
        ("all:weights", "RLw1RLw1Lw1"),
        ("all+r8", "RL1+r8RL1+r8L1+r8"),
        ("pairs:attention+r16", "RLa1+r16RLa1+r16L"),
    ],
)
def test_a_rule_may_share_a_part(rule, layout):
    assert str(share("RLRLL", learned=rule, reservoir="none")) == layout


@given(
    st.text("LRF", min_size=1, max_size=8),
    st.sampled_from(SHARINGS + PART_SHARINGS),
    st.sampled_from(SHARINGS),
)
def test_a_shared_stack_keeps_its_kinds_and_is_canonical(kinds, learned, reservoir):
    layout = share(kinds, learned=learned, reservoir=reservoir)
    assert layout.kinds == kinds
    assert layout == layout.canonical()


def test_rules_do_not_differ_on_fewer_than_two_layers():
    assert not rules_differ(tuple(SHARINGS), 0)
    assert not rules_differ(tuple(SHARINGS), 1)
    assert rules_differ(("none", "all"), 2)
    assert not rules_differ(("all", "pairs"), 2)
    assert rules_differ(("all", "all:attention"), 2)
    assert not rules_differ(("none", "sandwich:attention"), 3)


@pytest.mark.parametrize(
    "rule",
    [
        *("cycle-1", "cycle-0", "cycle-", "cycle-1000", "some", "cycle-2 ", "groups"),
        *(
            "cycle-rev-1",
            "none:attention",
            "none+r8",
            "all+r0",
            "all+r1000",
            "all+r8:attention",
            "all+",
            "all:",
            "all:norms",
            "all:attention:attention",
        ),
    ],
)
def test_an_unknown_rule_is_refused_with_the_rules(rule):
    with pytest.raises(ValueError, match=r"use none, .* cycle-K or cycle-rev-K with K from 2"):
        check_sharing(rule)
