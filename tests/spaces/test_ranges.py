"""Ranges of numbers: whole ones, and those in steps."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from spaces.axes import Range
from spaces.chooser import DrawingChooser, FixedChooser, SpaceError, walk

TENTHS = st.integers(1, 40).map(lambda n: n / 10)


def drawn(axis: Range, n: int) -> Counter[float]:
    rng = random.Random(1)
    return Counter(axis.pick(DrawingChooser({}, rng), "x") for _ in range(n))


def test_whole_numbers_come_evenly():
    found = drawn(Range(low=1, high=3), 3000)
    assert sorted(found) == [1, 2, 3]
    # 1000 of each expected, with a standard deviation of 26; the ends came 750 times before.
    assert all(abs(n - 1000) < 4 * 26 for n in found.values())


def test_whole_numbers_in_the_logarithm_come_as_often_as_they_are_wide():
    found = drawn(Range(low=1, high=8, log=True), 3000)
    assert sorted(found) == list(range(1, 9))
    assert found[1] > found[2] > found[4] > found[8]


@given(low=st.integers(-30, 30), n=st.integers(1, 40), step=st.integers(1, 5) | TENTHS)
def test_a_range_with_a_step_has_the_values_that_are_whole_steps_from_low(low, n, step):
    tenths = round(10 * step)
    high = low + n * step if isinstance(step, int) else (10 * low + n * tenths) / 10
    axis = Range(low=low, high=high, step=step)
    values = [value for _, value in walk(lambda chooser: axis.pick(chooser, "x"))]
    assert values == [(10 * low + i * tenths) / 10 for i in range(n + 1)]
    assert axis.n_values == n + 1
    assert all(value in axis and axis.nearest(value) == value for value in values)
    assert all(isinstance(value, int) == isinstance(step, int) for value in values)
    assert set(drawn(axis, 60)) <= set(values)


def test_a_value_between_the_steps_is_not_in_the_range():
    axis = Range(low=0.0, high=0.4, step=0.1)
    assert 0.1 + 0.2 in axis  # 0.30000000000000004
    assert axis.pick(FixedChooser({"x": 0.1 + 0.2}), "x") == 0.3
    with pytest.raises(SpaceError, match=r"x 0.25 is not in the space; it has 0.0 to 0.4 in steps"):
        axis.pick(FixedChooser({"x": 0.25}), "x")


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ({"low": 0, "high": 10, "step": 3}, "no whole number of steps of 3 above low 0; give 9"),
        ({"low": 1, "high": 8, "step": 0}, "step 0 must be positive"),
        ({"low": 1, "high": 8, "step": 1, "log": True}, "exclude each other"),
        ({"low": 0, "high": 2**60}, "a range of whole numbers must end by"),
    ],
)
def test_a_range_that_cannot_be_stepped_through_is_refused(table: dict[str, Any], fault: str):
    with pytest.raises(ValidationError, match=fault):
        Range.model_validate(table)
