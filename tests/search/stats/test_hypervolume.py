"""The hypervolume against inclusion and exclusion, and against Optuna's plot of it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from math import prod

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.stats.hypervolume import front_hypervolume, hypervolume
from search.study.trial_record import TrialRecord
from spaces.counts import ParamCounts
from spaces.layout import Layout
from trainable.config import ObjectiveConfig

Make = Callable[..., TrialRecord]
POINTS = [(3.0, 1.0, 2.0), (1.0, 4.0, 1.0), (2.0, 2.0, 3.0), (-1.0, 9.0, 9.0), (2.0, 2.0, 3.0)]


def by_inclusion_and_exclusion(points: list[tuple[int, ...]]) -> int:
    """Volume of a union of boxes from 0."""
    return sum(
        (-1) ** (n + 1) * prod(max(0, min(axis)) for axis in zip(*some, strict=True))
        for n in range(1, len(points) + 1)
        for some in combinations(points, n)
    )


@given(n_axes=st.sampled_from([2, 3]), data=st.data())
def test_it_is_the_volume_of_the_union_of_boxes(n_axes: int, data: st.DataObject):
    point = st.tuples(*[st.integers(-2, 5)] * n_axes)
    points = data.draw(st.lists(point, max_size=6))
    found = hypervolume([tuple(map(float, p)) for p in points], (0.0,) * n_axes)
    assert found == pytest.approx(by_inclusion_and_exclusion(points))


@pytest.mark.parametrize("n_axes", [2, 3])
def test_it_is_optuna_s(n_axes: int):
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(directions=["maximize"] * n_axes)
    points = [point[:n_axes] for point in POINTS]
    for point in points:
        study.add_trial(optuna.trial.create_trial(values=point))
    plot = optuna.visualization.plot_hypervolume_history(study, [0.0] * n_axes)
    assert hypervolume(points, (0.0,) * n_axes) == pytest.approx(plot.data[0].y[-1])


def sized(make_record: Make, id_: int, layout: str, aucc: float, n_mparams: int) -> TrialRecord:
    n = n_mparams * 1_000_000
    record = make_record(id_)
    model = record.config.model.model_copy(update={"encoder": Layout.parse(layout)})
    return make_record(
        id_,
        aucc=aucc,
        counts=ParamCounts(total=n, learned=n, stored=n, encoder=n),
        config=record.config.model_copy(update={"model": model}),
    )


def test_the_reference_of_a_front_is_model_0(make_record: Make):
    records = [
        sized(make_record, 0, "LLLL", 10.0, 8),
        sized(make_record, 1, "L1L1LL", 12.0, 6),
        sized(make_record, 2, "RLRL", 15.0, 7),
        sized(make_record, 3, "R1LR1L", 5.0, 2),  # no better than Model 0 in AUCC
    ]
    found = front_hypervolume(records, ObjectiveConfig(name="pareto"))
    assert found is not None
    # 2 AUCC x 2 M parameters, and 3 x 1 more for the trial of 15
    assert (found.value, found.model0) == (7.0, 0)


def test_without_model_0_the_worst_values_are_the_reference(make_record: Make):
    records = [
        sized(make_record, 1, "L1L1LL", 12.0, 6),
        sized(make_record, 2, "RLRL", 15.0, 7),
        sized(make_record, 3, "R1LR1L", 5.0, 2),
    ]
    found = front_hypervolume(records, ObjectiveConfig(name="pareto"))
    assert found is not None
    # From (5, 7): the trial of 12 adds 7 x 1, the others lie on the reference's axes.
    assert (found.value, found.model0) == (7.0, None)
    assert "worst" in str(found)
