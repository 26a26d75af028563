from __future__ import annotations

from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search.study.ranking import best_trial, pareto_front
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
