"""A trial's size among those of all models of the space."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from search.study.config import StudyConfig
from search.study.trial_record import TrialRecord
from search.study.winner_standing import Sized
from search.suggest import space_sizes
from search.suggest.bounds import Bounds
from search.suggest.space_sizes import sized_in_space
from spaces.chooser import DrawingChooser, FixedChooser
from trainable.config import TrialConfig
from trainable.model_size import candidate_size

Study = Callable[..., StudyConfig]
Make = Callable[..., TrialRecord]


def sized(config: StudyConfig, data: Path, make_record: Make) -> Sized | None:
    drawn = config.space.choose(DrawingChooser({}, random.Random(1)))
    trial: TrialConfig = config.trial(drawn, data="moved")
    return sized_in_space(config, str(data), make_record(config=trial))


def least(config: StudyConfig, data: Path) -> tuple[float, float]:
    """Fewest parameters and FLOPs of all candidates, each asked by itself."""
    bounds = Bounds(config, data=str(data), size=candidate_size)
    candidates = (config.space.choose(FixedChooser(point)) for point in config.space.points())
    sizes = [size for each in candidates if (size := bounds.size_of(each)) is not None]
    return min(s.counts.total for s in sizes) / 1e6, min(s.training_flops for s in sizes)


@pytest.mark.parametrize(
    "tables",
    [
        {},
        {"space": {"reservoir_kind": ["R", "F"], "hyper": {"model.d_model": [12, 8, 16]}}},
        {"space": {"where": ["depth > 2", "n_reservoirs == 2"]}},
        {"space": {"reservoir_kind": ["R", "G"]}, "objective": {"max_mparams": 0.02}},
    ],
    ids=["axes", "hyper", "where", "max_mparams"],
)
def test_the_least_of_the_space_is_that_of_its_candidates(
    tiny_study: Study, make_record: Make, small_grammar: Path, tables: dict[str, Any]
):
    config = tiny_study(**tables)
    found = sized(config, small_grammar, make_record)
    assert found is not None
    sizes = min(s.n_mparams for s in found.others), min(s.flops for s in found.others)
    assert sizes == pytest.approx(least(config, small_grammar), rel=1e-12)


def test_a_learning_rate_from_a_range_changes_no_size(
    tiny_study: Study, make_record: Make, small_grammar: Path
):
    config = tiny_study(space={"hyper": {"train.lr": {"low": 1e-4, "high": 1e-2, "log": True}}})
    found = sized(config, small_grammar, make_record)
    assert found is not None
    assert found.own in found.others


def test_the_sizes_are_not_known_without_data_or_of_a_large_space_with_constraints(
    tiny_study: Study, make_record: Make, small_grammar: Path, monkeypatch: pytest.MonkeyPatch
):
    assert sized(tiny_study(), Path("absent"), make_record) is None
    monkeypatch.setattr(space_sizes, "MAX_POINTS", 3)
    assert sized(tiny_study(), small_grammar, make_record) is not None
    constrained = tiny_study(space={"where": ["depth > 2"]})
    assert sized(constrained, small_grammar, make_record) is None
