from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trainable.data.corpus import Pairs, Split
from trainable.data.holdout import connected, hold_out

pairs_strategy = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=30).map(
    lambda pairs: Pairs(src=[f"s{a}" for a, _ in pairs], tgt=[f"t{b}" for _, b in pairs])
)


@given(pairs_strategy)
def test_components_are_those_of_a_search_through_shared_sentences(pairs: Pairs):
    def reached(start: int) -> frozenset[int]:
        found, edge = {start}, [start]
        while edge:
            n = edge.pop()
            near = {
                m
                for m in range(len(pairs))
                if pairs.src[m] == pairs.src[n] or pairs.tgt[m] == pairs.tgt[n]
            }
            edge += near - found
            found |= near
        return frozenset(found)

    expected = {reached(n) for n in range(len(pairs))}
    assert {frozenset(component) for component in connected(pairs)} == expected


@given(pairs_strategy, st.integers(0, 5), st.integers(0, 5), st.integers(0, 3))
def test_splits_share_no_sentence_and_lose_no_pair(
    pairs: Pairs, n_valid: int, n_test: int, seed: int
):
    whole = Split(raw=pairs, tokens=pairs)
    splits = hold_out(whole, n_valid=n_valid, n_test=n_test, seed=seed)
    assert len(splits["valid"].raw) <= n_valid
    assert len(splits["test"].raw) <= n_test
    both = [(s, t) for name in splits for s, t in zip(*_sides(splits[name]), strict=True)]
    assert sorted(both) == sorted(zip(pairs.src, pairs.tgt, strict=True))
    for side in (0, 1):
        sentences = [set(_sides(split)[side]) for split in splits.values()]
        assert sum(map(len, sentences)) == len(set().union(*sentences))


def _sides(split: Split) -> tuple[list[str], list[str]]:
    return list(split.raw.src), list(split.raw.tgt)
