"""Replays through the real Tuner, against what arithmetic says of tables made by hand."""

from __future__ import annotations

import dataclasses
import heapq
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import fmean

import pytest
from ray.tune.schedulers import FIFOScheduler
from ray.tune.search import Searcher

from search.cluster.ray_cluster import local_ray
from search.replay.peer import Peer
from search.replay.run import replay
from search.replay.scores import candidate_values
from search.replay.settings import replayed_study
from search.replay.trace import Replay
from search.replay.trial_table import TrialTable
from search.study.config import StudyConfig
from search.study.references import model0_candidates
from spaces.chooser import Point
from spaces.errors import UserError
from tests.search.replay.tables import UPDATES, candidates_of, made_table
from trainable.aucc import best_point

pytestmark = pytest.mark.timeout(300)

Study = Callable[..., StudyConfig]


@pytest.fixture(scope="module")
def ray_here() -> Iterator[None]:
    with local_ray():
        yield


@pytest.fixture
def table(tiny_study: Study) -> TrialTable:
    return made_table(tiny_study(), seeds=(1, 2))


def seconds_of(replayed: Replay) -> list[float]:
    """Last clock reading of each trial, in the order in which they began."""
    return [record.curve[-1].seconds for record in replayed.records]


def makespan(durations: list[float], n_workers: int) -> float:
    """Time at which all trials have ended; each begins, in this order, on the first free worker."""
    free = [0.0] * n_workers
    for duration in durations:
        heapq.heapreplace(free, free[0] + duration)
    return max(free)


def test_a_seed_repeats_to_the_last_event(ray_here: None, table: TrialTable):
    config = replayed_study(table, ["search.n_trials=6", "search.n_startup=2"])
    first, again = (replay(table, config, seed=1, n_workers=2) for _ in range(2))
    assert first == again


@pytest.mark.parametrize("n_workers", [1, 3])
def test_time_passes_as_if_each_worker_trained(ray_here: None, table: TrialTable, n_workers: int):
    config = replayed_study(table, ["search.algorithm=random", "search.n_trials=7"])
    replayed = replay(table, config, seed=3, n_workers=n_workers)
    times = [event.seconds for event in replayed.events]
    assert times == sorted(times)
    # Exact, as the table's seconds are eighths.
    assert times[-1] == makespan(seconds_of(replayed), n_workers)


def test_completed_trials_have_the_recorded_curve_and_stopped_ones_its_beginning(
    ray_here: None, table: TrialTable
):
    config = replayed_study(table, ["search.n_trials=8", "scheduler.grace=4"])
    replayed = replay(table, config, seed=1, n_workers=1)
    states = {record.state for record in replayed.records}
    assert states == {"completed", "stopped"}
    for record in replayed.records:
        whole = table.pick(record.key, seed=1).curve
        assert record.curve == whole[: len(record.curve)]
        assert (len(record.curve) == len(whole)) == (record.state == "completed")
    spent = sum(record.curve[-1].updates for record in replayed.records)
    assert replayed.n_updates == replayed.events[-1].n_updates == spent
    assert len(replayed.events) == sum(len(record.curve) for record in replayed.records)


def test_a_search_of_the_whole_space_finds_the_best_where_its_order_says(
    ray_here: None, table: TrialTable
):
    keys = [candidate.key for candidate in candidates_of(table.study)]
    config = replayed_study(
        table,
        [
            *("search.algorithm=random", f"search.n_trials={len(keys)}"),
            *("scheduler.name=none", "space.share_learned=none"),
        ],
    )
    replayed = replay(table, config, seed=5, n_workers=1)
    searched = [candidate.key for candidate in candidates_of(config)]
    order = [record.key for record in replayed.records]
    assert sorted(order) == sorted(searched)
    best = max(searched, key=keys.index)  # tables made by hand get better from one to the next
    assert replayed.updates_until(0.01) == UPDATES[-1] * (order.index(best) + 1)
    reached = replayed.reached(0.01)
    assert reached is not None
    assert reached.n_trials == order.index(best) + 1
    assert replayed.regret == 0.0


class Stubborn(Searcher):
    """Suggests one point for ever, and keeps the results reported to it."""

    def __init__(self, point: Point) -> None:
        super().__init__(metric="objective", mode="max")
        self.point = point
        self.results: list[float] = []

    def suggest(self, trial_id: str) -> Point:
        return self.point

    def on_trial_complete(self, trial_id, result=None, error=False) -> None:
        self.results.append(result["objective"])

    def save(self, checkpoint_path: str) -> None: ...

    def restore(self, checkpoint_path: str) -> None: ...

    def __getstate__(self) -> dict[str, object]:
        return {}


@pytest.mark.slow
@pytest.mark.parametrize("until", [0.0, 0.5])
def test_a_replay_ends_when_it_has_found_enough_and_spent_the_same_until_then(
    ray_here: None, table: TrialTable, until: float
):
    config = replayed_study(table, ["search.algorithm=random", "search.n_trials=100"])
    whole = replay(table, config, seed=2, n_workers=2)
    ended = replay(table, config, seed=2, n_workers=2, until=until)
    assert ended.updates_until(until) == whole.updates_until(until)
    place = ended.events.index(ended.reached(until))
    assert ended.events[: place + 1] == whole.events[: place + 1]
    assert len(ended.events) <= place + 2 <= len(whole.events)  # one may be on its way


def test_a_peer_trains_what_it_asks_for_again_and_again_and_is_told_its_objective(
    ray_here: None, table: TrialTable
):
    config = replayed_study(table, ["search.n_trials=3"])
    candidate = candidates_of(config)[2]
    stubborn = Stubborn(config.space.encode(candidate))
    peer = Peer(searcher=stubborn, scheduler=FIFOScheduler())
    replayed = replay(table, config, seed=1, n_workers=2, peer=peer)
    assert [record.key for record in replayed.records] == [candidate.key] * 3
    assert replayed.n_updates == 3 * UPDATES[-1]
    assert stubborn.results == [record.objective for record in replayed.records]


OWN = """
from search.suggest.grid import Grid
from ray.tune.schedulers import FIFOScheduler

class Mine(Grid):
    pass

class Outside(Grid):
    def propose(self, history):
        return {"depth": 99}

class HalfTheWay(FIFOScheduler):
    def on_trial_result(self, controller, trial, result):
        return self.STOP if result["updates"] >= 8 else self.CONTINUE
"""


@pytest.fixture
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_replayed.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.slow
def test_a_users_own_algorithm_and_scheduler_search_in_the_place_of_ours(
    ray_here: None, own_module: None, table: TrialTable
):
    own = ["search.algorithm=my_replayed:Mine", "scheduler.name=my_replayed:HalfTheWay"]
    replayed = replay(table, replayed_study(table, own), seed=1, n_workers=2)
    grid = replayed_study(table, ["search.algorithm=grid", "scheduler.name=none"])
    expected = replay(table, grid, seed=1, n_workers=2)
    assert [record.key for record in replayed.records] == [r.key for r in expected.records]
    assert {len(record.curve) for record in replayed.records} == {2}
    assert {record.state for record in replayed.records} == {"stopped"}


def test_what_a_users_own_algorithm_does_wrong_ends_the_search_in_a_line(
    ray_here: None, own_module: None, table: TrialTable
):
    config = replayed_study(table, ["search.algorithm=my_replayed:Outside"])
    with pytest.raises(UserError, match=r"propose\(\) gave a point outside the space"):
        replay(table, config, seed=1, n_workers=2)


def test_a_candidate_is_worth_the_mean_of_its_trials(tiny_study: Study, table: TrialTable):
    # Triangles over 12 updates, 1 M parameters; tops of 10.01 and 10.02 for the first.
    first, *_ = candidates_of(table.study)
    values = candidate_values(table, table.study)
    assert values[first.key] == pytest.approx(12 * (10.01 + 10.02) / 2 / 2)


def test_bounds_leave_out_what_cannot_win(table: TrialTable):
    keys = [candidate.key for candidate in candidates_of(table.study)]
    bounded = replayed_study(table, ["objective.min_score=12.0"])
    assert list(candidate_values(table, bounded)) == keys[2:]  # tops of 10, 11, 12, …
    with pytest.raises(UserError, match="no candidate of the table is within its bounds"):
        candidate_values(table, replayed_study(table, ["objective.max_mparams=0.5"]))


def test_a_table_of_models_that_learned_nothing_is_not_blamed_on_the_bounds(table: TrialTable):
    trials = [
        dataclasses.replace(
            trial, curve=tuple(dataclasses.replace(point, score=0.0) for point in trial.curve)
        )
        for trial in table.trials
    ]
    empty = dataclasses.replace(table, trials=tuple(trials))
    with pytest.raises(UserError, match=r"is 0 for every candidate .*; record it with a longer"):
        candidate_values(empty, replayed_study(empty, []))


def test_candidates_that_the_table_lacks_are_named_before_the_start(table: TrialTable):
    wider = replayed_study(table, ["space.depth=[2,3,4]"])
    with pytest.raises(UserError, match=r"no trial of \d+ of its \d+ candidates: .*LLLL"):
        candidate_values(table, wider)
    ranged = replayed_study(table, ["space.reservoir_gain={low=0.5, high=2.0}"])
    with pytest.raises(UserError, match="no table holds ranges"):
        candidate_values(table, ranged)


def test_a_replay_is_searched_by_the_defaults_or_as_asked(tiny_study: Study):
    table = made_table(tiny_study(search={"algorithm": "grid"}, scheduler={"name": "none"}))
    assert replayed_study(table).search.algorithm == tiny_study(search={}).search.algorithm
    config = replayed_study(table, ["search.algorithm=random", "scheduler.grace=8"])
    assert (config.search.algorithm, config.scheduler.grace) == ("random", 8)


def test_what_the_curves_cannot_tell_is_refused(table: TrialTable):
    with pytest.raises(UserError, match="--set: train, budget: the table was recorded with other"):
        replayed_study(table, ["train.lr=1e-3", "budget.updates=6"])
    with pytest.raises(UserError, match=r"replay: search\.n_trails"):
        replayed_study(table, ["search.n_trails=6"])


def test_a_simulated_trial_starts_without_torch():
    """Imports of torch, which take most of the time in which a replay's processes start."""
    code = "import sys, search.replay.simulated_trial; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=100)


def test_a_bound_relative_to_model0_is_taken_from_the_table(table: TrialTable):
    config = replayed_study(table, ["objective.min_score=50% of model0"])
    model0s = model0_candidates(table.study)
    best = [
        fmean(best_point(trial.curve).score for trial in table.by_key[candidate.key])
        for candidate in model0s
        if candidate.key in table.by_key
    ]
    assert config.objective.min_score == pytest.approx(max(best) / 2)


def test_a_table_without_model0_refuses_a_bound_relative_to_it(table: TrialTable):
    keys = {candidate.key for candidate in model0_candidates(table.study)}
    others = tuple(trial for trial in table.trials if trial.candidate.key not in keys)
    with pytest.raises(UserError, match="no trial of Model 0; give a number"):
        replayed_study(
            dataclasses.replace(table, trials=others), ["objective.min_score=50% of model0"]
        )
