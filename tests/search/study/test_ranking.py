from __future__ import annotations

import dataclasses
from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search.study.ranking import best_trial, pareto_front, ranked
from search.study.trial_record import TrialRecord
from spaces.counts import ParamCounts
from trainable.config import ObjectiveConfig

Make = Callable[..., TrialRecord]
DEFAULT = ObjectiveConfig()


def with_size(make_record: Make, id_: int, aucc: float, n_params: int) -> TrialRecord:
    counts = ParamCounts(total=n_params, learned=n_params, stored=n_params, encoder=n_params)
    return make_record(id_, aucc=aucc, objective=aucc / n_params * 1e6, counts=counts)


def test_only_completed_trials_can_be_best(make_record: Make):
    records = [
        make_record(0, objective=1.0),
        make_record(1, objective=9.0, state="stopped"),
        make_record(2, objective=8.0, state="failed"),
    ]
    best = best_trial(records, DEFAULT)
    assert best is not None
    assert best.id == 0
    assert best_trial(records[1:], DEFAULT) is None


def test_bounds_keep_trials_from_being_best(make_record: Make):
    # The record's best BLEU is 7, its size 2 M.
    assert best_trial([make_record()], ObjectiveConfig(min_score=7.5)) is None
    assert best_trial([make_record()], ObjectiveConfig(max_mparams=1.9)) is None
    assert best_trial([make_record()], ObjectiveConfig(min_score=7.0, max_mparams=2.0)) is not None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=12))
def test_nobody_on_the_front_is_beaten_and_everybody_else_is(
    make_record: Make, points: list[tuple[int, int]]
):
    records = [
        with_size(make_record, id_, float(aucc), n_params * 1_000_000)
        for id_, (aucc, n_params) in enumerate(points)
    ]
    front = {record.id for record in pareto_front(records, DEFAULT)}
    for id_, (aucc, n_params) in enumerate(points):
        beaten = any(
            (a >= aucc and n <= n_params) and (a > aucc or n < n_params) for a, n in points
        )
        equal_on_front = any(points[other] == points[id_] for other in front)
        assert (id_ in front or equal_on_front) != beaten


def test_equal_trials_are_ranked_by_their_loss(make_record: Make):
    def nothing_learned(id_: int, loss: float) -> TrialRecord:
        points = [dataclasses.replace(p, score=0.0, loss=loss) for p in make_record().curve]
        return make_record(id_, aucc=0.0, objective=0.0, curve=tuple(points))

    records = [nothing_learned(0, 7.0), nothing_learned(1, 6.0), nothing_learned(2, 6.5)]
    assert [record.id for record in ranked(records, DEFAULT)] == [1, 2, 0]


def test_of_a_loss_the_lowest_is_best(make_record: Make):
    objective = ObjectiveConfig(name="loss")
    trial = make_record().config.model_copy(update={"objective": objective})
    records = [
        make_record(n, config=trial, objective=loss) for n, loss in enumerate((5.0, 4.0, 6.0))
    ]
    assert [record.id for record in ranked(records, objective)] == [1, 0, 2]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(*[st.integers(1, 4)] * 3), min_size=1, max_size=12))
def test_a_front_of_three_objectives_is_what_nobody_beats(
    make_record: Make, points: list[tuple[int, int, int]]
):
    objective = ObjectiveConfig(name="pareto", of=("aucc", "mparams_total", "loss"))
    records = []
    for id_, (area, n_params, loss) in enumerate(points):
        curve = [dataclasses.replace(p, loss=float(loss)) for p in make_record().curve]
        record = with_size(make_record, id_, float(area), n_params * 1_000_000)
        records.append(dataclasses.replace(record, curve=tuple(curve)))
    front = {points[record.id] for record in pareto_front(records, objective)}
    assert front == {
        (a, n, x)
        for a, n, x in points
        if not any(b >= a and m <= n and y <= x and (b, m, y) != (a, n, x) for b, m, y in points)
    }
