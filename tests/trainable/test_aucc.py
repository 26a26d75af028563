from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainable.aucc import aucc, best_point, minimum_loss_point
from trainable.curve import Point


def point(updates: int, score: float, *, loss: float = 1.0) -> Point:
    return Point(
        updates=updates,
        seconds=60.0 * updates,
        tokens=1000 * updates,
        flops=1e9 * updates,
        score=score,
        loss=loss,
        train_loss=loss,
    )


CURVE = [point(10, 4.0), point(20, 8.0), point(30, 6.0)]


def test_the_area_is_that_of_the_trapezoids_from_the_origin():
    # 10 x (0+4)/2 + 10 x (4+8)/2 + 10 x (8+6)/2 = 20 + 60 + 70
    assert aucc(CURVE, clock="updates", horizon=30, hold_last=False) == pytest.approx(150)


def test_the_last_score_is_held_to_the_horizon_only_when_asked():
    assert aucc(CURVE, clock="updates", horizon=50, hold_last=False) == pytest.approx(150)
    # 150 + 20 x 6
    assert aucc(CURVE, clock="updates", horizon=50, hold_last=True) == pytest.approx(270)


def test_a_curve_that_crosses_the_horizon_is_cut_there():
    # 20 + 5 x (4 + 6)/2: half-way to 8 the score is 6
    assert aucc(CURVE, clock="updates", horizon=15, hold_last=True) == pytest.approx(45)


def test_the_seconds_clock_gives_score_minutes():
    # The points are 10 minutes apart.
    assert aucc(CURVE, clock="seconds", horizon=1800, hold_last=False) == pytest.approx(150)


def test_an_empty_curve_has_no_area():
    assert aucc([], clock="updates", horizon=10, hold_last=True) == 0


def test_a_clock_that_stands_still_is_refused():
    with pytest.raises(ValueError, match="does not increase"):
        aucc([point(10, 1.0), point(10, 2.0)], clock="updates", horizon=30, hold_last=False)


def test_a_horizon_that_is_not_positive_is_refused():
    with pytest.raises(ValueError, match="must be positive"):
        aucc(CURVE, clock="updates", horizon=0, hold_last=False)


scores = st.lists(st.floats(0, 100), min_size=1, max_size=8)


@given(scores, st.floats(0.5, 100))
def test_the_area_grows_with_the_horizon_and_never_beyond_the_best_score(
    scores: list[float], horizon: float
):
    curve = [point(10 * (place + 1), score) for place, score in enumerate(scores)]
    area = aucc(curve, clock="updates", horizon=horizon, hold_last=True)
    longer = aucc(curve, clock="updates", horizon=horizon + 1, hold_last=True)
    assert area <= longer + 1e-9
    assert area <= max(scores) * horizon + 1e-9


@given(scores)
def test_a_point_on_the_line_between_two_changes_nothing(scores: list[float]):
    curve = [point(10 * (place + 1), score) for place, score in enumerate(scores)]
    finer = [point(5, scores[0] / 2), *curve]
    horizon = 10.0 * len(scores)
    assert aucc(finer, clock="updates", horizon=horizon, hold_last=False) == pytest.approx(
        aucc(curve, clock="updates", horizon=horizon, hold_last=False)
    )


def test_the_best_point_and_the_minimum_loss_are_the_first_of_equals():
    curve = [point(1, 5.0, loss=2.0), point(2, 9.0, loss=1.5), point(3, 9.0, loss=1.5)]
    assert best_point(curve).updates == 2
    assert minimum_loss_point(curve).updates == 2
