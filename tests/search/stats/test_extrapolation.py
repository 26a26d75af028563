from __future__ import annotations

import pytest

from search.stats.extrapolation import MAX_CURVES, Forecast, WholeCurve, forecast
from tests.search.conftest import curve_point
from trainable.aucc import aucc
from trainable.curve import Point

HORIZON = 12.0


def curve(slope: float, end: int = 12) -> tuple[Point, ...]:
    """Scores that rise evenly to ``slope`` x 12, with a validation every second update."""
    return tuple(curve_point(updates, slope * updates) for updates in range(2, end + 1, 2))


def whole(slope: float) -> WholeCurve:
    points = curve(slope)
    return WholeCurve(
        points=points, aucc=aucc(points, clock="updates", horizon=HORIZON, hold_last=True)
    )


def forecast_of(points: tuple[Point, ...], *slopes: float) -> Forecast:
    known = [whole(slope) for slope in slopes]
    found = forecast(points, known, clock="updates", horizon=HORIZON)
    assert found is not None
    return found


@pytest.mark.parametrize("slope", [1.1, 1.55, 1.9])
def test_a_curve_among_known_ones_is_continued_as_they_went_on(slope: float):
    found = forecast_of(curve(slope, end=6), 1.0, 1.2, 1.4, 1.6, 1.8, 2.0)
    # A triangle: 12 x 12 slope / 2. Half of all possible outcomes lie above it.
    assert found.aucc == pytest.approx(72 * slope, rel=0.05)
    assert 0.1 < found.chance_above(72 * slope) < 0.9


def test_more_completed_curves_and_more_points_make_a_forecast_surer():
    few = forecast_of(curve(1.5, end=6), 1.0, 2.0)
    many = forecast_of(curve(1.5, end=6), *(1 + i / 10 for i in range(11)))
    late = forecast_of(curve(1.5, end=10), *(1 + i / 10 for i in range(11)))
    assert few.log_error > many.log_error > late.log_error


def test_an_area_reached_already_is_certain_and_one_far_above_all_curves_is_improbable():
    found = forecast_of(curve(1.5, end=6), 1.0, 1.2, 1.4, 1.6, 1.8, 2.0)
    assert found.chance_above(0.99 * found.so_far) == 1.0
    assert found.chance_above(5 * found.aucc) < 0.001
    chances = [found.chance_above(area) for area in range(20, 300, 20)]
    assert chances == sorted(chances, reverse=True)


def test_readings_between_the_validations_of_others_are_interpolated():
    between = tuple(curve_point(updates, 1.5 * updates) for updates in (3, 5))
    found = forecast_of(between, *(1 + i / 10 for i in range(11)))
    assert found.so_far == pytest.approx(1.5 * 5 * 5 / 2)
    assert found.aucc == pytest.approx(72 * 1.5, rel=0.05)


def test_without_completed_trials_that_went_further_there_is_no_forecast():
    assert forecast(curve(1.0, end=6), [], clock="updates", horizon=HORIZON) is None
    assert forecast(curve(1.0), [whole(2.0)], clock="updates", horizon=HORIZON) is None


def test_of_many_curves_an_evenly_spread_subset_is_used():
    slopes = [1 + i / (10 * MAX_CURVES) for i in range(10 * MAX_CURVES)]
    many = forecast_of(curve(1.5, end=6), *slopes)
    first = forecast_of(curve(1.5, end=6), *slopes[:MAX_CURVES])  # none of them rose like this one
    assert many.degrees_of_freedom == first.degrees_of_freedom
    assert many.aucc == pytest.approx(72 * 1.5, rel=0.01)
    assert abs(many.aucc - 72 * 1.5) < abs(first.aucc - 72 * 1.5)
