"""Curves over seeds: what is averaged, and up to where."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from search.replicates.seed_bands import band, seed_bands
from search.study.trial_record import TrialRecord
from tests.search.conftest import curve_point


def seeds(make_record: Callable[..., TrialRecord]) -> list[TrialRecord]:
    """Two seeds of a model, of which one ends earlier."""
    scores = {0: ((4, 2.0), (8, 6.0)), 1: ((4, 4.0), (8, 8.0), (12, 9.0))}
    return [
        make_record(id_, curve=tuple(curve_point(*point) for point in points))
        for id_, points in scores.items()
    ]


def test_scores_are_averaged_at_equal_readings_from_0_to_the_first_end(make_record) -> None:
    readings, curves = band(seeds(make_record), "updates")
    assert (readings[0], readings[-1]) == (0.0, 8.0)
    assert curves[:, 0].tolist() == [0.0, 0.0]
    assert curves[:, -1].tolist() == [6.0, 8.0]
    at_two = [np.interp(2.0, readings, curve) for curve in curves]
    assert at_two == pytest.approx([1.0, 2.0], abs=0.02)


def test_a_band_is_drawn_for_several_seeds_and_none_for_one(make_record) -> None:
    two = seeds(make_record)
    figure = seed_bands(
        {"two": two, "one": two[1:]}, clock="updates", x_label="updates", y_label="BLEU"
    )
    (axes,) = figure.axes
    assert [line.get_label() for line in axes.lines] == ["two", "one"]
    (filled,) = axes.collections
    heights = filled.get_paths()[0].vertices[:, 1]
    assert axes.lines[0].get_ydata()[-1] == pytest.approx(7.0)
    assert heights.max() == pytest.approx(7.0 + np.std([6.0, 8.0], ddof=1))
    assert heights.min() == 0.0
