"""The surrogate in search of a front, against integrals and the hypervolume by slices."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from statistics import median

import numpy as np
import pytest
from numpy.polynomial.hermite_e import hermegauss

from search.stats.hypervolume import hypervolume
from search.study.config import StudyConfig
from search.study.trial_record import TrialRecord
from search.suggest.algorithms import problem_of
from search.suggest.surrogate_front import N_DIRECTIONS, FrontWorth, scalarised
from search.suggest.surrogate_gp import Array
from search.suggest.surrogate_model import SurrogateModel
from search.suggest.surrogate_pool import Choice
from search.suggest.surrogate_target import GainScale, Seen
from spaces.candidate import Candidate
from tests.search.suggest.test_surrogate import (
    SPACE,
    Make,
    Search,
    Study,
    all_candidates,
    area_of,
    n_mparams,
    size_of,
)


@pytest.fixture
def config(tiny_study: Study) -> StudyConfig:
    return front_study(tiny_study)


def front_study(tiny_study: Study, other: str = "mparams_total", **axes: object) -> StudyConfig:
    return tiny_study(
        space={**SPACE, **axes},
        objective={"name": "pareto", "of": ["aucc", other]},
        scheduler={"name": "none"},
    )


@pytest.mark.parametrize("n_objectives", [2, 3])
def test_the_mean_over_directions_is_the_hypervolume_up_to_a_constant(n_objectives: int):
    rng = np.random.default_rng(1)
    directions = np.abs(rng.standard_normal((200_000, n_objectives)))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    ratios = []
    for n_points in (1, 2, 5, 20):
        points = rng.random((n_points, n_objectives)) + 0.05
        mean = scalarised(points[:, None], directions).max(axis=0).mean()
        volume = hypervolume([tuple(map(float, p)) for p in points], (0.0,) * n_objectives)
        ratios.append(mean / volume)
    assert ratios == pytest.approx([ratios[0]] * 4, rel=0.02)


class FrontSearch(Search):
    """A search whose trials have the sizes of their candidates."""

    def _record(self, candidate: Candidate, state: str) -> TrialRecord:
        record = super()._record(candidate, state)
        return dataclasses.replace(record, counts=size_of(candidate).counts)


class GivenModel(SurrogateModel):
    """Predictions that a test gives, by depth of the encoder."""

    def __init__(self, means: dict[int, float], deviation: float) -> None:
        self._means, self._deviation = means, deviation

    def predict(
        self, seen: Seen, candidates: Sequence[Candidate], running: Sequence[TrialRecord] = ()
    ) -> tuple[Array, Array]:
        means = np.array([self._means[candidate.encoder.depth] for candidate in candidates])
        return means, np.full(len(means), self._deviation)


def test_the_worth_is_the_expected_improvement_of_the_hypervolume(
    config: StudyConfig, make_record: Make
):
    """Against Gauss-Hermite quadrature over the exact hypervolume."""
    search = FrontSearch(config, make_record)
    every: dict[int, list[Candidate]] = {}  # by depth
    for candidate in all_candidates(config):
        every.setdefault(candidate.encoder.depth, []).append(candidate)
    choices = {depth: _choice(config, some[0]) for depth, some in every.items()}
    for depth in (2, 4, 6):
        search.records.append(search._record(every[depth][-1], "completed"))
    gains = [record.aucc or 0.0 for record in search.records]
    scale = GainScale.of(gains)
    means = {depth: scale(max(gains)) + step for depth, step in ((2, 0.3), (4, -0.2), (6, 0.0))}
    means[8] = scale(max(gains)) - 0.5
    deviation = 0.3
    worth = FrontWorth(problem_of(config, size_of), GivenModel(means, deviation))
    found = np.exp(worth(list(choices.values()), search.records, search.records))

    sizes = [-n_mparams(_candidate_of(record, config)) for record in search.records]
    offered = [-n_mparams(choice.candidate) for choice in choices.values()]
    span = max(sizes + offered) - min(sizes + offered)
    scaled = [scale(gain) for gain in gains]
    reference = (
        min(scaled) - 0.1 * (max(scaled) - min(scaled)),
        min(sizes + offered) - 0.1 * span,
    )
    front = list(zip(scaled, sizes, strict=True))
    nodes, weights = hermegauss(60)
    expected = []
    for depth, size in zip(choices, offered, strict=True):
        volumes = [
            hypervolume([*front, (means[depth] + deviation * node, size)], reference)
            for node in nodes
        ]
        mean = float(np.dot(volumes, weights) / weights.sum())
        expected.append(mean - hypervolume(front, reference))
    assert found / found.sum() == pytest.approx(np.array(expected) / sum(expected), abs=0.05)
    assert N_DIRECTIONS >= 512  # of which the tolerance is for


@pytest.mark.parametrize("other", ["-0.001 * mparams_total", "-1000 * mparams_total"])
def test_no_unit_of_an_objective_counts(
    tiny_study: Study, config: StudyConfig, make_record: Make, other: str
):
    scaled = front_study(tiny_study, other)
    searches = [FrontSearch(each, make_record) for each in (config, scaled)]
    for _ in range(8):
        ours, theirs = (search.step() for search in searches)
        assert ours is not None
        assert ours == theirs


def test_a_size_without_a_value_is_no_improvement_and_ends_nothing(
    tiny_study: Study, make_record: Make
):
    goal = "1 / (1.3 - min(mparams_total, 1.3))"  # no value from 1.3 million on
    search = FrontSearch(front_study(tiny_study, goal), make_record)
    every = all_candidates(search.config)
    largest = max(every, key=n_mparams)
    assert n_mparams(largest) > 1.3 > min(map(n_mparams, every))
    search.records.append(search._record(largest, "running"))
    for _ in range(12):
        candidate = search.step()
        assert candidate is not None
        if n_mparams(candidate) >= 1.3:  # such a trial fails at its first validation
            search.records[-1] = dataclasses.replace(
                search.records[-1], state="failed", curve=(), aucc=None, objective=None
            )


def test_a_trial_below_the_bound_is_not_of_the_front(config: StudyConfig, make_record: Make):
    candidates = all_candidates(config)
    choices = [_choice(config, each) for each in candidates[3:]]
    search = FrontSearch(config, make_record)
    good, best = (search._record(each, "completed") for each in candidates[:2])
    best = dataclasses.replace(best, id=1, aucc=1000.0)
    problem = problem_of(config, size_of)
    worth = FrontWorth(problem, GivenModel({2: 0.1, 4: 0.1, 6: 0.1, 8: 0.1}, 0.1))
    both, one = (worth(choices, [good, best], front) for front in ([good, best], [good]))
    assert np.all(np.exp(one) >= np.exp(both))
    assert np.exp(one).sum() > np.exp(both).sum()


def test_the_cheapest_is_a_layout_that_no_trial_has(tiny_study: Study, make_record: Make):
    hyper = {"train.lr": [1e-3, 2e-3, 5e-3], "train.warmup_updates": [2, 4]}
    search = FrontSearch(front_study(tiny_study, hyper=hyper), make_record)
    layouts = []
    for number in range(10):
        candidate = search.step()
        assert candidate is not None
        layout = (str(candidate.encoder.canonical()), str(candidate.decoder))
        if number % 2 == 0:
            assert layout not in layouts
        layouts.append(layout)


def test_running_trials_are_not_proposed_once_more_nearby(config: StudyConfig, make_record: Make):
    search = FrontSearch(config, make_record)
    for _ in range(6):
        search.step()
    candidates = [search.step("running") for _ in range(3)]
    assert len({candidate.key for candidate in candidates if candidate}) == 3


def test_every_other_point_is_the_cheapest_left(config: StudyConfig, make_record: Make):
    search = FrontSearch(config, make_record)
    left = {each.key: size_of(each).training_flops for each in all_candidates(config)}
    for number in range(8):
        candidate = search.step()
        assert candidate is not None
        if number % 2 == 0:
            assert left[candidate.key] == min(left.values())
        del left[candidate.key]


def test_it_finds_the_front_of_a_smooth_space_long_before_chance_does(
    config: StudyConfig, make_record: Make
):
    candidates = all_candidates(config)
    gains = {each.key: (area_of(each), -n_mparams(each)) for each in candidates}
    worst = tuple(min(column) for column in zip(*gains.values(), strict=True))
    whole = hypervolume(list(gains.values()), worst)

    def n_needed(keys: Callable[[], str]) -> int:
        found: list[tuple[float, ...]] = []
        while hypervolume(found, worst) < 0.99 * whole:
            found.append(gains[keys()])
        return len(found)

    ours, chance = [], []
    for seed in range(5):
        search = FrontSearch(config.model_copy(update={"seed": seed}), make_record)

        def asked(search: FrontSearch = search) -> str:
            candidate = search.step()
            assert candidate is not None
            return candidate.key

        ours.append(n_needed(asked))
        order = iter(np.random.default_rng(seed).permutation(sorted(gains)))
        chance.append(n_needed(lambda order=order: str(next(order))))  # type: ignore[misc]
    assert median(ours) < median(chance) / 2


def _choice(config: StudyConfig, candidate: Candidate) -> Choice:
    point = config.space.encode(candidate)
    return Choice(point=point, candidate=candidate, size=size_of(candidate))


def _candidate_of(record: TrialRecord, config: StudyConfig) -> Candidate:
    return next(each for each in all_candidates(config) if each.key == record.key)
