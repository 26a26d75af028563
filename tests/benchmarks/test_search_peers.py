"""The searches beside ours, as far as they need neither Ray's cluster nor Syne Tune."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from ray.tune.experiment import Trial
from ray.tune.search import Searcher

from benchmarks import smac_peer, syne_tune_peer
from benchmarks.flat_space import FlatChooser, answers_of
from benchmarks.search_peers import (
    MakePeer,
    cheapest_first,
    plain_tpe,
    random_search,
    smallest_first,
)
from search.replay.trial_table import TrialTable
from search.study.config import study_from
from spaces.candidate_size import CandidateSize
from spaces.chooser import FixedChooser
from tests.search.conftest import TINY_STUDY
from tests.search.replay.tables import made_table

STUDY = study_from(TINY_STUDY, "test")
SPACE = STUDY.space
ANSWERS = answers_of(STUDY)


@pytest.fixture(scope="module")
def table() -> TrialTable:
    """A table in which no two neighbours in the space's order have equal sizes."""
    made = made_table(STUDY)
    trials = []
    for number, trial in enumerate(made.trials):
        counts = replace(trial.counts, total=1000 * (number * 7 % 5 + 1))
        curve = tuple(
            replace(point, flops=point.flops * (number * 3 % 4 + 1)) for point in trial.curve
        )
        trials.append(replace(trial, counts=counts, curve=curve))
    return replace(made, trials=tuple(trials))


def keys_suggested(searcher: Searcher) -> list[str]:
    """Keys of all that a searcher suggests until it has finished."""
    keys = []
    while isinstance(point := searcher.suggest(str(len(keys))), dict):
        keys.append(SPACE.choose(FixedChooser(point)).key)
        searcher.on_trial_complete(str(len(keys) - 1), {"objective": 1.0})
    return keys


@pytest.mark.parametrize(
    ("make", "cost"),
    [
        (cheapest_first, lambda size: size.training_flops),
        (smallest_first, lambda size: size.counts.total),
    ],
)
def test_a_simple_rule_trains_every_layout_once_by_rising_cost(
    table: TrialTable, make: MakePeer, cost: Callable[[CandidateSize], float]
):
    keys = keys_suggested(make(table, STUDY, 1).searcher)
    assert sorted(keys) == sorted(table.by_key)
    costs = [cost(table.size(key)) for key in keys]
    assert costs == sorted(costs)
    assert len(set(costs)) > 1


def test_of_equal_layouts_a_seed_says_which_comes_first(table: TrialTable):
    orders = [keys_suggested(cheapest_first(table, STUDY, seed).searcher) for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]


@pytest.mark.parametrize("make", [random_search, plain_tpe])
def test_ray_s_optuna_searcher_suggests_points_of_the_space(table: TrialTable, make: MakePeer):
    known = {SPACE.choose(FixedChooser(point)).key for point in SPACE.points()}
    searcher = make(table, STUDY, 3).searcher
    for number in range(12):
        point = searcher.suggest(str(number))
        assert SPACE.choose(FixedChooser(point)).key in known
        searcher.on_trial_complete(str(number), {"objective": float(number)})


def test_the_same_seed_suggests_the_same(table: TrialTable):
    first, again = (random_search(table, STUDY, 4).searcher for _ in range(2))
    assert [first.suggest(str(n)) for n in range(8)] == [again.suggest(str(n)) for n in range(8)]


def test_any_flat_choice_is_turned_into_a_point_of_the_space():
    points, rng = list(SPACE.points()), random.Random(1)
    for _ in range(50):
        flat = {name: rng.choice(values) for name, values in ANSWERS.items()}
        chooser = FlatChooser(flat, ANSWERS)
        SPACE.choose(chooser)
        assert chooser.point in points


def test_a_flat_choice_that_is_a_point_stays_as_it_is():
    others = {name: values[0] for name, values in ANSWERS.items()}
    for point in SPACE.points():
        chooser = FlatChooser({**others, **point}, ANSWERS)
        SPACE.choose(chooser)
        assert chooser.point == point


OPTIONAL = [
    pytest.param(
        make,
        marks=[
            pytest.mark.skipif(not is_installed, reason="it is not installed"),
            pytest.mark.slow,  # the imports alone take many seconds
        ],
    )
    for make, is_installed in (
        (syne_tune_peer.regularised_evolution, syne_tune_peer.is_installed()),
        (smac_peer.smac, smac_peer.is_installed()),
    )
]


@pytest.mark.parametrize("make", OPTIONAL)
def test_an_optional_search_gives_points_of_the_space_and_learns(table: TrialTable, make: MakePeer):
    known = {SPACE.choose(FixedChooser(point)).key for point in SPACE.points()}
    peer = make(table, STUDY, 3)
    for number in range(16):
        point = peer.searcher.suggest(str(number))
        assert SPACE.choose(FixedChooser(point)).key in known
        # Models that break a bound have no objective, those over the bound of size no result.
        result = {"objective": math.nan if number == 1 else float(number)}
        if number == 2:
            peer.searcher.on_trial_complete(str(number), error=True)
            continue
        peer.scheduler.on_trial_complete(None, Trial("x", trial_id=str(number), stub=True), result)
        peer.searcher.on_trial_complete(str(number), result)
