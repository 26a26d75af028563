"""The searches beside ours, as far as they need neither Ray's cluster nor Syne Tune."""

from __future__ import annotations

import random

import pytest

from benchmarks.search_peers import MakePeer, plain_tpe, random_search
from benchmarks.syne_tune_peer import _answers, _FlatChooser
from search.study.config import study_from
from spaces.chooser import FixedChooser
from tests.search.conftest import TINY_STUDY

STUDY = study_from(TINY_STUDY, "test")
SPACE = STUDY.space
ANSWERS = _answers(STUDY)


@pytest.mark.parametrize("make", [random_search, plain_tpe])
def test_ray_s_optuna_searcher_suggests_points_of_the_space(make: MakePeer):
    known = {SPACE.choose(FixedChooser(point)).key for point in SPACE.points()}
    searcher = make(STUDY, 3).searcher
    for number in range(12):
        point = searcher.suggest(str(number))
        assert SPACE.choose(FixedChooser(point)).key in known
        searcher.on_trial_complete(str(number), {"objective": float(number)})


def test_the_same_seed_suggests_the_same():
    first, again = (random_search(STUDY, 4).searcher for _ in range(2))
    assert [first.suggest(str(n)) for n in range(8)] == [again.suggest(str(n)) for n in range(8)]


def test_any_flat_choice_is_turned_into_a_point_of_the_space():
    points, rng = list(SPACE.points()), random.Random(1)
    for _ in range(50):
        flat = {name: rng.choice(values) for name, values in ANSWERS.items()}
        chooser = _FlatChooser(flat, ANSWERS)
        SPACE.choose(chooser)
        assert chooser.point in points


def test_a_flat_choice_that_is_a_point_stays_as_it_is():
    others = {name: values[0] for name, values in ANSWERS.items()}
    for point in SPACE.points():
        chooser = _FlatChooser({**others, **point}, ANSWERS)
        SPACE.choose(chooser)
        assert chooser.point == point
