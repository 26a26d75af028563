"""Hypothesis strategies: layouts, renamings of their weight sets, small spaces."""

from hypothesis import strategies as st

from spaces.interleaving import INTERLEAVINGS
from spaces.kinds import LAYER_KINDS, reservoir_letters
from spaces.layout import Layer, Layout
from spaces.space import SearchSpace

SHARINGS = [
    "none",
    "all",
    "pairs",
    "cycle-2",
    "cycle-3",
    "cycle-rev-2",
    "sequence-3",
    "groups-3",
    "sandwich",
]
HYPER = [
    {},
    {"train.lr": [1e-3, 3e-3], "model.heads": 4},
    {"model.dropout": {"low": 0.0, "high": 0.2, "step": 0.1}},
]
PART_SHARINGS = [
    *("all:attention", "pairs:feed-forward", "cycle-2:weights", "sandwich:attention"),
    *("all+r8", "pairs:feed-forward+r2"),
]

layers = st.one_of(
    st.builds(Layer, st.sampled_from([*LAYER_KINDS]), st.none() | st.integers(1, 3)),
    *(
        st.builds(Layer, st.just(kind), st.integers(1, 3), st.sampled_from(layer_kind.parts))
        for kind, layer_kind in LAYER_KINDS.items()
        if layer_kind.parts
    ),
    st.builds(
        Layer,
        st.just("L"),
        st.integers(1, 3),
        st.sampled_from(["", *LAYER_KINDS["L"].parts]),
        st.sampled_from([1, 8]),
    ),
)


def layouts(max_depth: int = 8) -> st.SearchStrategy[Layout]:
    return st.lists(layers, min_size=1, max_size=max_depth).map(lambda found: Layout(tuple(found)))


def some_of(values, max_size: int = 3):
    """A list of a few different values, as a study file has it."""
    return st.lists(st.sampled_from(values), min_size=1, max_size=max_size, unique=True)


@st.composite
def spaces(draw) -> SearchSpace:
    """A finite space of at most some hundreds of points."""
    depths = draw(some_of([1, 2, 3, 4], max_size=2))
    numbers = draw(
        st.none()
        | some_of(range(max(depths) + 1)).filter(lambda numbers: min(numbers) <= min(depths))
    )
    decoder_depths = draw(some_of([1, 2], max_size=2))
    return SearchSpace.model_validate(
        {
            "depth": depths,
            "n_reservoirs": numbers,
            "interleaving": draw(some_of(INTERLEAVINGS)),
            "share_learned": draw(some_of(SHARINGS + PART_SHARINGS, max_size=2)),
            "share_reservoir": draw(some_of(SHARINGS, max_size=2)),
            "reservoir_kind": draw(some_of(reservoir_letters(), max_size=2)),
            "reservoir_gain": draw(some_of([0.5, 1.0, 4.0], max_size=2)),
            "decoder_depth": decoder_depths,
            "decoder_reservoirs": draw(
                some_of(range(max(decoder_depths) + 1), max_size=2).filter(
                    lambda numbers: min(numbers) <= min(decoder_depths)
                )
            ),
            "decoder_interleaving": draw(some_of(INTERLEAVINGS, max_size=2)),
            "decoder_share_learned": draw(some_of(["none", "all"])),
            "hyper": draw(st.sampled_from(HYPER)),
        }
    )
