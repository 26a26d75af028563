import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaces.presets import PRESETS
from spaces.sharing import check_sharing, rules_differ, share, weight_sets

from .strategies import SHARINGS


@pytest.mark.parametrize(
    ("rule", "sets"),
    [
        ("none", (0, 1, 2, 3, 4)),
        ("all", (0, 0, 0, 0, 0)),
        ("pairs", (0, 0, 1, 1, 2)),
        ("cycle-2", (0, 1, 0, 1, 0)),
        ("cycle-3", (0, 1, 2, 0, 1)),
        ("cycle-9", (0, 1, 2, 3, 4)),
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


def test_each_reservoir_kind_shares_within_itself():
    assert str(share("RFRFLL", learned="none", reservoir="all")) == "R1F1R1F1LL"


@given(st.text("LRF", min_size=1, max_size=8), st.sampled_from(SHARINGS), st.sampled_from(SHARINGS))
def test_a_shared_stack_keeps_its_kinds_and_is_canonical(kinds, learned, reservoir):
    layout = share(kinds, learned=learned, reservoir=reservoir)
    assert layout.kinds == kinds
    assert layout == layout.canonical()


def test_rules_do_not_differ_on_fewer_than_two_layers():
    assert not rules_differ(tuple(SHARINGS), 0)
    assert not rules_differ(tuple(SHARINGS), 1)
    assert rules_differ(("none", "all"), 2)
    assert not rules_differ(("all", "pairs"), 2)


@pytest.mark.parametrize("rule", ["cycle-1", "cycle-0", "cycle-", "cycle-1000", "some", "cycle-2 "])
def test_an_unknown_rule_is_refused_with_the_rules(rule):
    with pytest.raises(ValueError, match="use none, all, pairs or cycle-K with K from 2"):
        check_sharing(rule)
