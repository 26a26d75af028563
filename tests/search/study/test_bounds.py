from __future__ import annotations

import math

import pytest

from search.study.bounds import is_within, least_score, score_shortfall, size_excess
from trainable.config import ObjectiveConfig

BOUNDED = ObjectiveConfig(min_score=20.0, max_mparams=4.0)


@pytest.mark.parametrize(("score", "expected"), [(25.0, -5.0), (20.0, 0.0), (18.5, 1.5)])
def test_a_score_breaks_its_bound_by_what_it_lacks(score: float, expected: float):
    assert score_shortfall(BOUNDED, score) == expected
    assert is_within(score_shortfall(BOUNDED, score)) == (score >= 20.0)


@pytest.mark.parametrize(("n_mparams", "expected"), [(3.0, -1.0), (4.0, 0.0), (4.5, 0.5)])
def test_a_size_breaks_its_bound_by_what_it_is_over(n_mparams: float, expected: float):
    assert size_excess(BOUNDED, n_mparams) == expected
    assert is_within(size_excess(BOUNDED, n_mparams)) == (n_mparams <= 4.0)


def test_without_a_bound_everything_is_within():
    assert is_within(score_shortfall(ObjectiveConfig(), 0.0))
    assert is_within(size_excess(ObjectiveConfig(), math.inf))


def test_a_score_that_is_no_number_is_not_within():
    assert not is_within(score_shortfall(BOUNDED, math.nan))


def test_a_relative_bound_is_a_part_of_the_highest_completed_model0s_score(make_record):
    bounded = ObjectiveConfig(min_score="50% of model0")
    model0s = [
        make_record(0, reference="model0"),  # its score is 7
        make_record(1, reference="model0", state="failed", curve=()),
        make_record(2, reference="deletion"),
    ]
    assert least_score(bounded, []) is None
    assert least_score(bounded, model0s[1:]) is None
    assert least_score(bounded, model0s) == 3.5
    assert score_shortfall(bounded, 3.0, model0s) == 0.5
    assert least_score(BOUNDED, model0s) == 20.0
