from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from search.stats.extrapolation import MAX_CURVES, Forecast, forecast
from search.study.config import StudyConfig
from search.study.trained_candidate import candidate_of
from search.study.trial_record import TrialRecord
from search.suggest.algorithms import problem_of
from search.suggest.proposer import Outcome, Suggested
from search.suggest.surrogate import Surrogate, log_improvement
from spaces.candidate import Candidate
from spaces.candidate_size import CandidateSize
from spaces.chooser import FixedChooser
from spaces.counts import ParamCounts
from tests.search.conftest import curve_point

Study = Callable[..., StudyConfig]
Make = Callable[..., TrialRecord]
SPACE = {
    "depth": [2, 4, 6, 8],
    "n_reservoirs": [0, 1, 2],
    "interleaving": ["bottom", "top", "alternating-r-first"],
    "share_learned": ["none", "pairs", "all"],
    "decoder_depth": [1, 2],
}


def n_mparams(candidate: Candidate) -> float:
    return 1.0 + 0.1 * len(candidate.encoder.set_kinds)


def size_of(candidate: Candidate) -> CandidateSize:
    n_params = round(1e6 * n_mparams(candidate))
    counts = ParamCounts(total=n_params, learned=n_params, stored=n_params, encoder=n_params)
    n_layers = candidate.encoder.depth + candidate.decoder.depth
    return CandidateSize(
        counts=counts, training_flops=1e6 * n_layers - candidate.encoder.n_reservoirs
    )


def area_of(candidate: Candidate) -> float:
    """Smooth, and highest in the midst of the space: depth 6, one reservoir, some sharing."""
    encoder = candidate.encoder
    off = (
        abs(encoder.depth - 6)
        + 2 * abs(encoder.n_reservoirs - 1)
        + abs(len(encoder.set_kinds) - 4)
        + candidate.decoder.depth
    )
    return float(100.0 * np.exp(-0.1 * off))


@pytest.fixture
def config(tiny_study: Study) -> StudyConfig:
    return tiny_study(space=SPACE, search={"algorithm": "surrogate"})


class Search:
    """A study's records, made by asking the surrogate and looking the outcome up."""

    def __init__(
        self, config: StudyConfig, make_record: Make, earlier: Sequence[TrialRecord] = ()
    ) -> None:
        self.config = config
        self.surrogate = Surrogate(problem_of(config, size_of))
        self._earlier = earlier
        self.records: list[TrialRecord] = []
        self._make_record = make_record

    def step(self, state: str = "completed") -> Candidate | None:
        point = self.surrogate.propose(self.history(self.records))
        if point is None:
            return None
        candidate = self.config.space.choose(FixedChooser(point))
        self.records.append(self._record(candidate, state))
        return candidate

    def history(self, records: Sequence[TrialRecord]) -> list[Suggested]:
        return [
            *(self._suggested(record, "earlier") for record in self._earlier),
            *(self._suggested(record, "trained") for record in records),
        ]

    def _suggested(self, record: TrialRecord, outcome: Outcome) -> Suggested:
        candidate = candidate_of(record.config, self.config.space)
        point = self.config.space.encode(candidate)
        return Suggested(point=point, candidate=candidate, outcome=outcome, trial=record)

    def _record(self, candidate: Candidate, state: str) -> TrialRecord:
        area = area_of(candidate)
        record = self._make_record(
            len(self.records),
            key=candidate.key,
            config=self.config.trial(candidate, data="d"),
            curve=tuple(curve_point(updates, area * updates / 72) for updates in (4, 8, 12)),
            aucc=area,
            objective=area / n_mparams(candidate),
            state=state,
        )
        if state == "running":
            return dataclasses.replace(record, curve=(), aucc=None, objective=None)
        return dataclasses.replace(record, curve=record.curve[:1]) if state == "stopped" else record


def objective(candidate: Candidate) -> float:
    return area_of(candidate) / n_mparams(candidate)


def all_candidates(config: StudyConfig) -> list[Candidate]:
    points = config.space.points()
    found = [config.space.choose(FixedChooser(point)) for point in points]
    return list({candidate.key: candidate for candidate in found}.values())


def test_it_finds_the_best_of_a_smooth_space_long_before_chance_does(
    config: StudyConfig, make_record: Make
):
    candidates = all_candidates(config)
    best = max(map(objective, candidates))
    n_needed = []
    for seed in range(5):
        search = Search(config.model_copy(update={"seed": seed}), make_record)
        while (candidate := search.step()) is not None and objective(candidate) < 0.99 * best:
            pass
        n_needed.append(len(search.records))
    n_good = sum(objective(candidate) >= 0.99 * best for candidate in candidates)
    # Of N drawn in any order the first of k good ones comes at (N + 1) / (k + 1), on average.
    assert median(n_needed) < (len(candidates) + 1) / (n_good + 1) / 2


class LossSearch(Search):
    """A search for the lowest loss; that of a layout with a larger area is lower."""

    def _record(self, candidate: Candidate, state: str) -> TrialRecord:
        record = super()._record(candidate, state)
        if state == "running":
            return record
        lowest = 6.0 - area_of(candidate) / 50
        curve = tuple(
            dataclasses.replace(point, loss=lowest + 4.0 - point.updates / 3)
            for point in record.curve
        )
        return dataclasses.replace(record, curve=curve, objective=min(p.loss for p in curve))


def test_it_finds_the_lowest_loss_as_soon(tiny_study: Study, make_record: Make):
    config = tiny_study(space=SPACE, search={"algorithm": "surrogate"}, objective={"name": "loss"})
    candidates = all_candidates(config)
    best = max(map(area_of, candidates))
    n_needed = []
    for seed in range(3):
        search = LossSearch(config.model_copy(update={"seed": seed}), make_record)
        # Every third trial is stopped early: its end is forecast from its first validation.
        n = 0
        while True:
            n += 1
            candidate = search.step(state="stopped" if n % 3 == 0 else "completed")
            if candidate is None or area_of(candidate) >= 0.99 * best:
                break
        n_needed.append(len(search.records))
    n_good = sum(area_of(candidate) >= 0.99 * best for candidate in candidates)
    assert median(n_needed) < (len(candidates) + 1) / (n_good + 1) / 2


def test_the_first_proposal_is_the_smallest_model_where_parameters_divide(
    config: StudyConfig, make_record: Make
):
    first = Search(config, make_record).step()
    assert first is not None
    assert n_mparams(first) == min(map(n_mparams, all_candidates(config)))


def test_the_first_proposal_costs_least_to_train_where_parameters_do_not_divide(
    tiny_study: Study, make_record: Make
):
    config = tiny_study(space=SPACE, search={"algorithm": "surrogate"}, objective={"name": "aucc"})
    costs = sorted(size_of(candidate).training_flops for candidate in all_candidates(config))
    seconds = set()
    for seed in range(5):
        search = Search(config.model_copy(update={"seed": seed}), make_record)
        first, second = search.step("running"), search.step("running")
        assert first is not None
        assert second is not None
        assert size_of(first).training_flops == costs[0]
        seconds.add(size_of(second).training_flops)
    assert len(seconds) > 1  # beside it one by chance: two alike would teach little


def test_it_proposes_each_candidate_once_and_ends(tiny_study: Study, make_record: Make):
    config = tiny_study(search={"algorithm": "surrogate"})
    search = Search(config, make_record)
    states = ("completed", "stopped", "failed", "running")
    while search.step(states[len(search.records) % 4]) is not None:
        pass
    keys = [record.key for record in search.records]
    assert sorted(keys) == sorted(candidate.key for candidate in all_candidates(config))


def test_it_goes_on_from_records_as_if_it_had_never_stopped(config: StudyConfig, make_record: Make):
    unbroken, resumed = Search(config, make_record), Search(config, make_record)
    for _ in range(6):
        unbroken.step()
    resumed.records = unbroken.records[:3]
    for _ in range(3):
        resumed.step()
    assert resumed.records == unbroken.records


def test_what_may_not_be_trained_is_never_proposed(config: StudyConfig, make_record: Make):
    search = Search(config, make_record)
    search.surrogate = Surrogate(
        problem_of(
            config, lambda candidate: size_of(candidate) if candidate.encoder.depth < 4 else None
        )
    )
    while search.step() is not None:
        pass
    assert {record.encoder.depth for record in search.records} == {2}


def test_where_ranges_make_the_space_endless_it_still_proposes_members(
    tiny_study: Study, make_record: Make
):
    space = {**SPACE, "reservoir_gain": {"low": 0.5, "high": 4.0, "log": True}}
    config = tiny_study(space=space, search={"algorithm": "surrogate"})
    search = Search(config, make_record)
    for _ in range(4):
        candidate = search.step()
        assert candidate is not None
        config.space.encode(candidate)  # raises where it is none
    assert len({record.key for record in search.records}) == 4


def test_the_logarithm_of_the_improvement_is_that_of_its_integral():
    rng = random.Random(1)
    for _ in range(20):
        mean, deviation, goal = rng.gauss(0, 1), rng.uniform(0.2, 2), rng.gauss(0, 1)
        integral, _ = quad(
            lambda x, m=mean, d=deviation, g=goal: (x - g) * norm.pdf(x, m, d), goal, mean + 12
        )
        found = log_improvement(np.array([mean]), np.array([deviation]), goal)[0]
        assert found == pytest.approx(np.log(integral), rel=1e-3, abs=1e-3)


def test_a_sure_loser_is_worth_nothing_and_a_worse_one_still_less():
    worth = log_improvement(np.array([-3.0, -10.0, -300.0]), np.full(3, 0.1), 0.0)
    assert np.isfinite(worth).all()
    assert np.exp(worth[0]) < 1e-100
    assert worth[0] > worth[1] > worth[2]


def test_what_an_earlier_study_found_is_tried_first_and_every_candidate_can_be(
    tiny_study: Study, make_record: Make
):
    config = tiny_study(search={"algorithm": "surrogate"})
    earlier = Search(config, make_record)
    while earlier.step() is not None:
        pass
    search = Search(config, make_record, earlier.records)
    first = search.step()
    while search.step() is not None:
        pass
    candidates = sorted(all_candidates(config), key=objective)
    assert first is not None
    assert first.key in [candidate.key for candidate in candidates[-2:]]
    assert len(search.records) == len(candidates)


def test_a_stopped_trial_is_forecast_once_when_there_are_enough_curves(
    config: StudyConfig, make_record: Make, monkeypatch: pytest.MonkeyPatch
):
    made: list[int] = []

    def noted(*args: Any, **options: Any) -> Forecast | None:
        made.append(len(args[1]))
        return forecast(*args, **options)

    monkeypatch.setattr("search.suggest.surrogate_target.forecast", noted)
    search = Search(config, make_record)
    for n_curves, n_forecasts in ((MAX_CURVES - 1, 2), (MAX_CURVES, 1)):
        made.clear()
        stopped = search._record(candidate := all_candidates(config)[0], "stopped")
        stopped = dataclasses.replace(stopped, curve=stopped.curve[:1])
        whole = [search._record(candidate, "completed")] * n_curves
        for _ in range(2):
            search.surrogate.propose(search.history([stopped, *whole]))
        assert len(made) == n_forecasts


def test_trials_that_score_nothing_count_against_a_bound(
    tiny_study: Study, make_record: Make
) -> None:
    config = tiny_study(space=SPACE, objective={"name": "aucc", "min_score": 10.0})
    problem = dataclasses.replace(problem_of(config, size_of), least_score=lambda: 10.0)
    search = Search(config, make_record)
    for _ in range(8):
        search.step()
    deep = [record for record in search.records if record.encoder.depth > 2]
    assert deep
    records = [
        dataclasses.replace(
            record,
            id=0,  # as of several earlier studies
            curve=tuple(
                dataclasses.replace(point, score=0.0 if record in deep else 12.0)
                for point in record.curve
            ),
        )
        for record in search.records
    ]
    surrogate = Surrogate(problem)
    choices = surrogate.untried([])
    chances = surrogate._log_chance(choices, records, 10.0)
    by_depth = {
        depth: np.mean(
            [
                c
                for c, choice in zip(chances, choices, strict=True)
                if (choice.candidate.encoder.depth > 2) == depth
            ]
        )
        for depth in (False, True)
    }
    assert by_depth[True] < by_depth[False]
    assert by_depth[True] < -0.1
