"""Statistics of the report, against hand-made and brute-force references."""

import dataclasses
import math
import random
import sys
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from search.report.effects import effects
from search.report.fronts import fronts_of
from search.report.importances import MIN_TRIALS, Importance, importances
from search.report.scored_trials import ScoredTrial, scored
from search.report.sections.importance import effect_range, importance
from search.report.winner_margin import winner_margin
from search.stats.prediction import RankCorrelation
from search.study.config import StudyConfig
from search.study.trial_record import TrialRecord
from spaces.counts import ParamCounts
from spaces.layout import Layout
from tests.search.report_studies import completed, reported
from trainable.config import Budget, Parameters, TrialConfig

MakeRecord = Callable[..., TrialRecord]


def seeds_of(make: MakeRecord, layout: str, objectives: Sequence[float]) -> list[TrialRecord]:
    """Trials of one candidate, one a seed; each with a key of its own, as replicates have."""
    config = make().config
    model = config.model.model_copy(update={"encoder": Layout.parse(layout)})
    return [
        make(
            100 * len(layout) + seed,
            key=f"{layout} seed={seed}",
            objective=objective,
            config=config.model_copy(update={"seed": seed, "model": model}),
        )
        for seed, objective in enumerate(objectives)
    ]


def test_the_gap_is_that_of_the_means_over_seeds(make_record: MakeRecord) -> None:
    best = seeds_of(make_record, "L", [20.0])
    second = seeds_of(make_record, "LL", [8.0, 12.5])  # whose geometric mean is 10
    margin = winner_margin(best[0], [*best, *second])
    assert margin is not None
    assert margin.gap == pytest.approx(1.0)
    assert margin.n_candidates == 2
    assert margin.runner_up.canonical == "LL"


def test_one_seed_each_gives_no_noise(make_record: MakeRecord) -> None:
    trials = seeds_of(make_record, "L", [20.0]) + seeds_of(make_record, "LL", [10.0])
    margin = winner_margin(trials[0], trials)
    assert margin is not None
    assert margin.noise is None


def test_the_noise_is_pooled_and_its_interval_student_s(make_record: MakeRecord) -> None:
    logs = {"L": [3.0, 3.2], "LL": [2.9, 3.1, 2.7], "LLL": [1.0]}
    trials = [
        record
        for layout, values in logs.items()
        for record in seeds_of(make_record, layout, [math.exp(value) for value in values])
    ]
    margin = winner_margin(trials[0], trials)
    assert margin is not None
    assert margin.noise is not None
    # (0.1² + 0.1² + 0² + 0.2² + 0.2²) / (1 + 2)
    assert margin.noise.deviation == pytest.approx(math.sqrt(0.1 / 3))
    assert margin.noise.n_degrees == 3
    assert margin.noise.n_candidates == 2
    half = stats.t.ppf(0.975, 3) * math.sqrt(0.1 / 3) * math.sqrt(1 / 2 + 1 / 3)
    assert margin.noise.low == pytest.approx(math.exp(0.2 - half) - 1)
    assert margin.noise.high == pytest.approx(math.exp(0.2 + half) - 1)
    assert margin.noise.n_rivals == 1  # LL; LLL is far below


def test_two_candidates_give_the_interval_of_student_s_test(make_record: MakeRecord) -> None:
    logs = {"L": [3.0, 3.3, 3.1], "LL": [2.9, 3.1, 2.7]}
    trials = [
        record
        for layout, values in logs.items()
        for record in seeds_of(make_record, layout, [math.exp(value) for value in values])
    ]
    margin = winner_margin(trials[0], trials)
    reference = stats.ttest_ind(logs["L"], logs["LL"]).confidence_interval(0.95)
    assert margin is not None
    assert margin.noise is not None
    assert math.log1p(margin.noise.low) == pytest.approx(reference.low)
    assert math.log1p(margin.noise.high) == pytest.approx(reference.high)


def test_a_trial_alone_is_compared_with_nothing(make_record: MakeRecord) -> None:
    record = make_record(objective=5.0)
    assert winner_margin(record, [record, make_record(1, objective=0.0)]) is None


@given(rows=st.lists(st.tuples(*[st.integers(1, 5)] * 5), min_size=1, max_size=12))
def test_a_front_is_what_nobody_dominates(rows: list[tuple[int, ...]]) -> None:
    config = TrialConfig(data="d", budget=Budget(updates=1))
    trials = [
        TrialRecord(
            id=number,
            layout=config.model.encoder,
            key=f"key-{number}",
            config=config,
            counts=ParamCounts(total=row[0], learned=row[1], stored=row[2], encoder=row[3]),
            optuna_number=number,
            state="completed",
            aucc=float(row[4]),
        )
        for number, row in enumerate(rows)
    ]
    by_way = {way: front for front in fronts_of(trials) for way in front.ways}
    assert set(by_way) == set(get_args(Parameters))
    for way, front in by_way.items():
        points = {(getattr(r.counts, way), r.aucc) for r in trials}
        free = {
            (size, area)
            for size, area in points
            if not any(s <= size and a >= area and (s, a) != (size, area) for s, a in points)
        }
        assert {(getattr(r.counts, way), r.aucc) for r in front.best} == free
        assert front.sizes == tuple(getattr(r.counts, way) / 1e6 for r in trials)


def test_equal_parameter_counts_share_a_front(make_record: MakeRecord) -> None:
    counts = ParamCounts(total=5, learned=4, stored=4, encoder=3)
    ways = [front.ways for front in fronts_of([make_record(counts=counts)])]
    assert ways == [("total",), ("learned", "stored"), ("encoder",)]


def grid(config: Callable[..., StudyConfig], **space: object) -> StudyConfig:
    return config(
        search={"algorithm": "grid", "n_trials": 100}, space=space, scheduler={"name": "none"}
    )


def test_the_axis_that_decides_alone_is_the_important_one(
    tiny_study: Callable[..., StudyConfig], small_grammar: Path, tmp_path: Path
) -> None:
    config = grid(tiny_study, n_reservoirs=[1], depth=[2, 3, 4, 5], decoder_depth=[1, 2])

    def outcome(record: TrialRecord) -> dict[str, object]:
        bonus = 30.0 if record.encoder.layers[0].is_reservoir else 0.0
        return {**completed(record, 10.0), "objective": 20.0 + bonus + 0.01 * record.id}

    trials = scored(reported(config, tmp_path / "tiny", small_grammar, outcome))
    assert len(trials) >= MIN_TRIALS
    parts = importances(trials)
    assert next(iter(parts)) == "interleaving"
    # Two halves that are wholly apart explain three quarters of the ranks' variance.
    assert parts["interleaving"].share == pytest.approx(0.75, abs=0.02)
    assert parts["interleaving"].low > 0.4
    assert all(parts[name].low == 0.0 for name in parts if name != "interleaving")


def test_few_trials_have_no_importances(
    tiny_study: Callable[..., StudyConfig], small_grammar: Path, tmp_path: Path
) -> None:
    config = grid(tiny_study, n_reservoirs=[1], depth=[2, 3])
    study = reported(config, tmp_path / "tiny", small_grammar, lambda r: completed(r, 10.0 + r.id))
    trials = scored(study)
    assert 0 < len(trials) < MIN_TRIALS
    assert importances(trials) == {}


def test_an_effect_is_welch_s_difference_of_logarithms(
    tiny_study: Callable[..., StudyConfig], small_grammar: Path, tmp_path: Path
) -> None:
    config = grid(tiny_study, n_reservoirs=[0], depth=[2, 3, 4], decoder_depth=[1, 2])

    def outcome(record: TrialRecord) -> dict[str, object]:
        return {**completed(record, 10.0), "objective": float(5 + record.id % 7)}

    study = reported(config, tmp_path / "tiny", small_grammar, outcome)
    found = {(effect.axis, effect.value): effect for effect in effects(scored(study))}
    assert {value for axis, value in found if axis == "depth"} == {"2", "3", "4"}
    for depth in (2, 3, 4):
        logs = [(r.encoder.depth, math.log(r.objective or 0.0)) for r in study.compared]
        with_it = [value for other, value in logs if other == depth]
        without = [value for other, value in logs if other != depth]
        effect = found["depth", str(depth)]
        assert (effect.n_with, effect.n_without) == (len(with_it), len(without))
        assert effect.ratio == pytest.approx(math.exp(fmean(with_it) - fmean(without)) - 1)
        reference = stats.ttest_ind(with_it, without, equal_var=False).confidence_interval(0.95)
        assert effect.low == pytest.approx(math.exp(reference.low) - 1)
        assert effect.high == pytest.approx(math.exp(reference.high) - 1)


def test_of_two_values_only_one_effect_is_given(
    tiny_study: Callable[..., StudyConfig], small_grammar: Path, tmp_path: Path
) -> None:
    config = grid(tiny_study, n_reservoirs=[0], depth=[2, 3], decoder_depth=[1, 2])
    study = reported(
        config, tmp_path / "tiny", small_grammar, lambda r: completed(r, 10.0 * r.encoder.depth)
    )
    of_depth = [effect for effect in effects(scored(study)) if effect.axis == "depth"]
    assert [effect.value for effect in of_depth] == ["3 against 2"]
    assert of_depth[0].ratio > 0


def test_the_effect_of_a_range_is_above_its_median_against_below(
    tiny_study: Callable[..., StudyConfig], small_grammar: Path, tmp_path: Path
) -> None:
    hyper = {"train.lr": {"low": 1e-3, "high": 1e-2, "log": True}}
    config = tiny_study(
        space={"hyper": hyper},
        search={"algorithm": "random", "n_trials": 12},
        scheduler={"name": "none"},
    )

    def outcome(record: TrialRecord) -> dict[str, object]:
        return {**completed(record, 10.0), "objective": 1000 * record.config.train.lr}

    study = reported(config, tmp_path / "tiny", small_grammar, outcome)
    [of_lr] = [effect for effect in effects(scored(study)) if effect.axis == "train.lr"]
    assert (of_lr.n_with, of_lr.n_without) == (6, 6)
    assert of_lr.ratio > 0


def made_up(rows: Sequence[tuple[int, str, float]]) -> list[ScoredTrial]:
    """Trials of a depth, with a sharing and an objective."""
    return [
        ScoredTrial(
            id=0,
            params={"depth": depth, "sharing": sharing},
            objective=value,
            gain=value,
            depth=depth,
            is_forecast=False,
        )
        for depth, sharing, value in rows
    ]


def test_what_goes_with_depth_alone_has_no_effect_and_no_importance_at_equal_depth() -> None:
    # Deep layouts mostly share, and are worse for their depth: sharing itself does nothing.
    rng = random.Random(1)
    rows = [
        (depth, "all" if number < n_shared else "none", 100.0 / depth + rng.gauss(0, 1))
        for depth, n_shared in ((2, 2), (4, 6), (8, 10))
        for number in range(12)
    ]
    trials = made_up(rows)
    parts = importances(trials)
    assert next(iter(parts)) == "depth"
    assert parts["depth"].low > 0.5
    assert parts["depth"].rho is not None
    assert parts["depth"].rho.high < -0.8
    assert parts["sharing"].low == 0.0
    [of_sharing] = [effect for effect in effects(trials) if effect.axis == "sharing"]
    assert of_sharing.low is not None
    assert of_sharing.high is not None
    assert of_sharing.low < 0 < of_sharing.high


def test_in_a_study_of_one_depth_nothing_is_put_down_to_depth(
    tiny_study: Callable[..., StudyConfig],
    tmp_path: Path,
    small_grammar: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def outcome(record: TrialRecord) -> dict[str, object]:
        return completed(record, 10.0 + record.id)

    study = reported(tiny_study(name="tiny"), tmp_path / "tiny", small_grammar, outcome)
    module = sys.modules[importance.__module__]
    slope = RankCorrelation(rho=-0.7, low=-0.9, high=-0.4, n_trials=16)
    for n_depths, told in ((1, "a slope alone"), (2, "depth explains it")):
        part = Importance(share=0.4, low=0.0, high=0.8, n_trials=16, n_depths=n_depths, rho=slope)
        monkeypatch.setattr(module, "importances", lambda trials, part=part: {"n": part})
        page = importance(study)
        assert page is not None
        assert [text for text in ("a slope alone", "depth explains it") if text in page.body] == [
            told
        ]


def test_an_effect_at_equal_depth_is_the_coefficient_of_least_squares() -> None:
    rng = random.Random(2)
    rows = [
        (rng.choice([2, 4, 8]), rng.choice(["all", "none"]), math.exp(rng.gauss(0, 1)))
        for _ in range(30)
    ]
    [effect] = [each for each in effects(made_up(rows)) if each.axis == "sharing"]
    shares = np.array([sharing == "none" for _, sharing, _ in rows], dtype=float)
    depths = np.array([[depth == d for d in (2, 4, 8)] for depth, _, _ in rows], dtype=float)
    inputs, values = np.column_stack([shares, depths]), np.log([value for *_, value in rows])
    coefficients, squares, *_ = np.linalg.lstsq(inputs, values, rcond=None)
    error = math.sqrt(squares[0] / 26 * np.linalg.inv(inputs.T @ inputs)[0, 0])
    half = stats.t.ppf(0.975, 26) * error
    assert math.log1p(effect.ratio) == pytest.approx(coefficients[0])
    assert effect.low is not None
    assert math.log1p(effect.low) == pytest.approx(coefficients[0] - half)


def test_negative_objectives_are_compared_by_differences() -> None:
    rows = [
        (2, sharing, value) for sharing, value in zip("aabb", (-4.0, -2.0, 1.0, 3.0), strict=True)
    ]
    [effect] = effects(made_up(rows))
    assert (effect.value, effect.ratio) == ("b against a", 5.0)


def test_intervals_of_importances_hold_the_truth_nine_times_in_ten() -> None:
    # Two values, two standard deviations apart: the mean ranks differ by P(b > a) - 1/2 of all
    # ranks, whose variance is 1/12.
    truth = 12 * ((stats.norm.cdf(math.sqrt(2)) - 0.5) / 2) ** 2
    held, nothing = 0, 0
    for seed in range(60):
        rng = random.Random(seed)
        rows = [(2, "ab"[n % 2], 2.0 * (n % 2) + rng.gauss(0, 1) + 20) for n in range(30)]
        found = importances(made_up(rows))["sharing"]
        held += found.low <= truth <= found.high
        noise = importances(made_up([(2, axis, rng.random()) for _, axis, _ in rows]))["sharing"]
        nothing += noise.low == 0.0
    assert held >= 52
    assert nothing >= 52


def test_stopped_trials_count_with_their_forecast(
    tiny_study: Callable[..., StudyConfig], small_grammar: Path, tmp_path: Path
) -> None:
    config = tiny_study(
        search={"algorithm": "grid", "n_trials": 100},
        space={"n_reservoirs": [0], "depth": [2, 3, 4, 5], "decoder_depth": [1, 2]},
        scheduler={"name": "none"},
        objective={"name": "aucc"},
    )

    def outcome(record: TrialRecord) -> dict[str, object]:
        whole = completed(record, 40.0 - 5 * record.encoder.depth)
        if record.encoder.depth < 5:
            return whole
        # All trials of the greatest depth are stopped, and so were the evidence against it.
        cut = dataclasses.replace(record, curve=whole["curve"][:1])
        area, objective = cut.so_far(1)
        stopped = {"state": "stopped", "curve": cut.curve, "aucc": area, "objective": objective}
        return {**whole, **stopped}

    study = reported(config, tmp_path / "tiny", small_grammar, outcome)
    trials = scored(study)
    deepest = [trial for trial in trials if trial.depth == 5]
    assert deepest
    assert all(trial.is_forecast for trial in deepest)
    assert max(trial.objective for trial in deepest) < min(
        trial.objective for trial in trials if trial.depth < 4
    )
    assert next(iter(importances(trials))) == "depth"


def test_the_scale_of_effects_holds_all_means_and_zero() -> None:
    low, high = effect_range([])
    assert low < 0 < high


def test_the_normalised_aucc_is_a_part_of_the_best(
    tiny_study: Callable[..., StudyConfig], small_grammar: Path, tmp_path: Path
) -> None:
    study = reported(tiny_study(search={"n_trials": 12}), tmp_path / "tiny", small_grammar)
    normalised = [study.normalised_aucc(record) for record in study.compared]
    areas = [record.aucc for record in study.compared]
    assert max(value for value in normalised if value is not None) == 1.0
    for (value, area), (other, its) in product(zip(normalised, areas, strict=True), repeat=2):
        assert value is not None
        assert other is not None
        assert area is not None
        assert its is not None
        assert value * its == pytest.approx(other * area)
    stopped = next(record for record in study.records if record.state == "stopped")
    assert study.normalised_aucc(stopped) is None
