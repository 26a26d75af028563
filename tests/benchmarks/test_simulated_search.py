"""Searches over a table without Ray's cluster, and the problems that they are judged by."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ray.tune.schedulers import FIFOScheduler

from benchmarks.search_peers import InOrder, cheapest_first
from benchmarks.search_problems import BestLayout, Front, NamedLayout
from benchmarks.search_quality import Ours
from benchmarks.simulated_search import Course, simulate
from search.cluster.ray_cluster import local_ray
from search.replay.peer import Peer
from search.replay.run import replay
from search.replay.settings import replayed_study
from search.replay.trial_table import TrialTable
from search.study.config import study_from
from spaces.chooser import FixedChooser, Point
from tests.search.conftest import TINY_STUDY
from tests.search.replay.tables import UPDATES, made_table

STUDY = study_from(TINY_STUDY, "test")


@pytest.fixture(scope="module")
def table() -> TrialTable:
    return made_table(STUDY)


def never(course: Course) -> bool:
    return False


def points() -> list[Point]:
    """A point of each layout, in the order of the table."""
    by_key: dict[str, Point] = {}
    for point in STUDY.space.points():
        by_key.setdefault(STUDY.space.choose(FixedChooser(point)).key, point)
    return list(by_key.values())


def test_every_trial_of_a_rule_is_completed_and_its_updates_counted(table: TrialTable):
    config = replayed_study(table, ["search.n_trials=100"])
    peer = cheapest_first(table, config, 1)
    course = simulate(table, config, seed=1, n_workers=2, is_over=never, peer=peer)
    assert course.n_trials == len(course.completions) == len(table.by_key)
    assert course.n_updates == UPDATES[-1] * len(table.by_key)
    spent = [done.n_updates for done in course.completions]
    assert spent == sorted(spent)


def test_a_search_ends_once_it_is_over(table: TrialTable):
    config = replayed_study(table, ["search.n_trials=100"])
    course = simulate(
        table,
        config,
        seed=1,
        n_workers=1,
        is_over=lambda course: len(course.completions) == 3,
        peer=cheapest_first(table, config, 1),
    )
    assert course.n_trials == 3
    assert course.records(up_to=2 * UPDATES[-1]) == course.records()[:2]


@pytest.mark.parametrize("algorithm", ["surrogate", "tpe"])
def test_ours_trains_no_layout_twice_and_a_stopped_trial_costs_less(
    table: TrialTable, algorithm: str
):
    config = replayed_study(
        table,
        [
            "search.n_trials=9",
            "search.n_startup=2",
            "scheduler.grace=4",
            f"search.algorithm={algorithm}",
        ],
    )
    course = simulate(table, config, seed=2, n_workers=2, is_over=never)
    keys = [record.key for record in course.records()]
    assert len(set(keys)) == len(keys) < course.n_trials == 9
    assert course.n_updates < 9 * UPDATES[-1]


def test_a_variant_of_ours_differs_in_its_settings_alone(table: TrialTable):
    config = replayed_study(table, ["search.n_trials=9", "scheduler.grace=4"])
    settings = Ours(scheduler={"name": "none"}).settings(config)
    assert Ours().settings(config) == config
    assert settings.search == config.search
    course = simulate(table, settings, seed=2, n_workers=2, is_over=never)
    assert course.n_updates == 9 * UPDATES[-1]  # nothing is stopped


def test_a_peer_s_layout_above_the_bound_of_size_is_refused_and_costs_nothing(table: TrialTable):
    four = points()[:4]
    key = STUDY.space.choose(FixedChooser(four[0])).key
    large = tuple(
        replace(trial, counts=replace(trial.counts, total=2_000_000))
        if trial.candidate.key == key
        else trial
        for trial in table.trials
    )
    bounded = replace(table, trials=large)
    config = replayed_study(bounded, ["objective.max_mparams=1.5", "search.n_trials=100"])
    peer = Peer(searcher=InOrder(four), scheduler=FIFOScheduler())
    course = simulate(bounded, config, seed=1, n_workers=1, is_over=never, peer=peer)
    assert key not in [record.key for record in course.records()]
    assert course.n_trials == 3


@pytest.mark.slow
def test_a_simulated_search_takes_the_course_of_a_replay_by_tune(table: TrialTable):
    config = replayed_study(table, ["search.n_trials=9", "search.n_startup=2", "scheduler.grace=4"])
    with local_ray():
        replayed = replay(table, config, seed=1, n_workers=2)
    course = simulate(table, config, seed=1, n_workers=2, is_over=never)
    by_tune = {record.key: len(record.curve) for record in replayed.records}
    completed = {r.key: len(r.curve) for r in course.records()}
    assert course.n_updates == replayed.n_updates
    assert course.n_trials == len(replayed.records)
    assert completed.items() <= by_tune.items()


def courses_of(table: TrialTable, n_trials: int) -> Course:
    config = replayed_study(table, ["search.n_trials=100"])
    return simulate(
        table,
        config,
        seed=1,
        n_workers=1,
        is_over=lambda course: len(course.completions) == n_trials,
        peer=Peer(searcher=InOrder(points()), scheduler=FIFOScheduler()),
    )


def test_the_shortfall_is_the_share_of_the_best_mean_that_the_best_trial_misses(table: TrialTable):
    # Candidate n has a score in proportion to 10 + n, all have equally many parameters.
    problem = BestLayout(name="best", table=table, config=replayed_study(table))
    last = len(table.by_key) - 1
    records = courses_of(table, 3).records()
    assert problem.shortfall(records) == pytest.approx(1 - 12.01 / (10.01 + last))
    assert problem.shortfall([]) == 1


def test_a_named_layout_is_judged_by_its_mean_over_seeds_not_by_its_trial():
    two = made_table(STUDY, seeds=(1, 3))
    problem = NamedLayout(name="named", table=two, config=replayed_study(two))
    last = len(two.by_key) - 1
    records = courses_of(two, 1).records()
    assert problem.shortfall(records) == pytest.approx(1 - 10.02 / (10.02 + last))
    assert problem.max_updates == pytest.approx(0.4 * len(two.by_key) * UPDATES[-1])


def test_a_front_misses_the_volume_that_its_trials_do_not_dominate(table: TrialTable):
    # The larger, the better: each layout is on the front. Both objectives rise by equal steps.
    sized = replace(
        table,
        trials=tuple(
            replace(trial, counts=replace(trial.counts, total=(1 + number) * 1_000_000))
            for number, trial in enumerate(table.trials)
        ),
    )
    pareto = [
        "objective.name=pareto",
        'objective.of=["score", "mparams_total"]',
        "scheduler.name=none",
    ]
    problem = Front(name="front", table=sized, config=replayed_study(sized, pareto))
    last = len(sized.by_key) - 1
    # Layout n dominates n x (last - n) steps; with all of them there is nothing more.
    whole = sum(last - n for n in range(1, last + 1))
    records = courses_of(sized, 3).records()
    assert problem.shortfall(records) == pytest.approx(1 - ((last - 1) + (last - 2)) / whole)
    assert problem.shortfall(courses_of(sized, last + 1).records()) == pytest.approx(0)
