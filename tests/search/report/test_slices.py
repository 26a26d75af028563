"""The objective over one axis and over two: every trial, and nothing between what has none."""

import math
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import plotly.graph_objects as go
import pytest

from search.report.reported_study import ReportedStudy
from search.report.scored_trials import ScoredTrial, axes_of, is_log, scored
from search.report.sections.slices import MIN_TRIALS, pair_of, pair_plot, slice_plot, slices
from search.report.surfaces import N_PARTS, cells, surface
from search.study.config import StudyConfig
from tests.search.report_studies import mixed, reported

PAIR = ("lr", "smoothing")


@pytest.fixture(scope="module")
def study(
    tiny_study: Callable[..., StudyConfig],
    small_grammar: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> ReportedStudy:
    hyper = {"train.lr": {"low": 1e-4, "high": 1e-2, "log": True}}
    config = tiny_study(
        space={"hyper": hyper},
        search={"algorithm": "random", "n_trials": 12},
        scheduler={"name": "none"},
    )
    return reported(config, tmp_path_factory.mktemp("studies") / "tiny", small_grammar, mixed)


def made_up(
    rows: Sequence[tuple[Mapping[str, object], float]], ranges: Sequence[str] = ()
) -> list[ScoredTrial]:
    """Trials with these answers and objectives; ``lr`` is sampled in the logarithm."""
    return [
        ScoredTrial(
            id=number,
            params=params,
            objective=value,
            gain=value,
            depth=2,
            is_forecast=False,
            ranges=frozenset(ranges),
            log_ranges=frozenset({"lr"} & set(ranges)),
        )
        for number, (params, value) in enumerate(rows)
    ]


def peaked(n_trials: int = 60) -> list[ScoredTrial]:
    """Trials over two ranges whose objective peaks at a learning rate of 0.001 and 0.2."""
    rng = random.Random(1)
    answers = [
        {"lr": 10 ** rng.uniform(-4, -2), "smoothing": rng.random()} for _ in range(n_trials)
    ]
    return made_up([(answer, peak(**answer)) for answer in answers], PAIR)


def peak(lr: float, smoothing: float) -> float:
    return 300 - 50 * (math.log10(lr) + 3) ** 2 - 100 * (smoothing - 0.2) ** 2


def test_every_axis_in_which_trials_differ_has_a_slice(study: ReportedStudy) -> None:
    section = slices(study)
    assert section is not None
    assert [f'id="slice-data-{n + 1}"' in section.body for n in range(7)] == [
        n < len(axes_of(scored(study))) for n in range(7)
    ]


def test_a_slice_has_each_trial_with_its_objective_and_forecasts_are_hollow(
    study: ReportedStudy,
) -> None:
    trials = scored(study)
    assert any(trial.is_forecast for trial in trials)
    for axis in axes_of(trials):
        [dots] = slice_plot(trials, axis)["data"]
        shown = [trial for trial in trials if axis in trial.params]
        assert dots["y"] == [trial.objective for trial in shown]
        assert dots["marker"]["color"] == [trial.id for trial in shown]
        hollow = [symbol.endswith("-open") for symbol in dots["marker"]["symbol"]]
        assert hollow == [trial.is_forecast for trial in shown]


def test_slices_share_the_scale_of_the_objective(study: ReportedStudy) -> None:
    trials = scored(study)
    plots = [slice_plot(trials, axis) for axis in axes_of(trials)]
    [(low, high)] = {plot["layout"]["yaxis"]["range"] for plot in plots}
    assert all(low < trial.objective < high for trial in trials)


def test_a_logarithmic_range_has_a_logarithmic_scale(study: ReportedStudy) -> None:
    trials = scored(study)
    assert [axis for axis in axes_of(trials) if is_log(trials, axis)] == ["train.lr"]
    plot = slice_plot(trials, "train.lr")
    assert plot["layout"]["xaxis"]["type"] == "log"
    assert plot["data"][0]["x"] == [trial.params["train.lr"] for trial in trials]


def test_values_of_a_list_stand_at_equal_distances_in_their_order() -> None:
    plot = slice_plot(made_up([({"depth": depth}, 1.0) for depth in (8, 2, 4, 2)]), "depth")
    assert plot["layout"]["xaxis"]["ticktext"] == ["2", "4", "8"]
    assert plot["data"][0]["x"] == [2, 0, 1, 0]


def test_the_contour_rises_to_the_peak_on_the_scale_of_the_range() -> None:
    found = surface(peaked(), PAIR)
    row, column = divmod(int(found.objective.argmax()), len(found.x))
    assert math.log10(found.x[column]) == pytest.approx(-3, abs=0.15)
    assert found.y[row] == pytest.approx(0.2, abs=0.1)
    assert found.objective[row, column] == pytest.approx(300, abs=3)


def test_the_contour_ends_where_trials_end() -> None:
    trials = peaked(12)
    found = surface(trials, PAIR)
    for grid, axis in zip((found.x, found.y), PAIR, strict=True):
        tried = [float(str(trial.params[axis])) for trial in trials]
        assert (grid[0], grid[-1]) == pytest.approx((min(tried), max(tried)))


def test_cells_have_the_mean_and_the_number_of_their_trials_and_the_rest_is_empty() -> None:
    rows = [((2, "all"), 1.0), ((2, "all"), 2.0), ((4, "all"), 5.0), ((4, "none"), 7.0)]
    trials = made_up([({"depth": d, "sharing": s}, value) for (d, s), value in rows])
    [heatmap] = pair_plot(trials, ("depth", "sharing"), falls=False)["data"]
    assert heatmap["z"] == [[1.5, 5.0], [None, 7.0]]
    assert heatmap["text"] == [["1.500 (2)", "5 (1)"], ["", "7 (1)"]]


def test_a_range_beside_a_list_is_cut_into_parts_with_equally_many_trials() -> None:
    rows = [({"lr": 1.5**n, "sharing": "ab"[n % 2]}, float(n)) for n in range(24)]
    found = cells(made_up(rows, ["lr"]), ("lr", "sharing"))
    assert len(found.columns) == N_PARTS
    counts: Counter[int] = Counter()
    for (column, _), values in found.objectives.items():
        counts[column] += len(values)
    assert set(counts.values()) == {24 // N_PARTS}
    means = [fmean(found.objectives[column, 0]) for column in range(N_PARTS)]
    assert means == sorted(means)


def test_the_pair_is_the_first_that_trials_have_together() -> None:
    deep = {"depth": 8, "max-8": 1}
    rows = [({"depth": 4, "max-4": n % 2, "kind": "FR"[n % 2]}, 1.0) for n in range(MIN_TRIALS)]
    trials = made_up([*rows, *[(deep, 1.0)] * 4, ({**deep, "max-8": 2}, 1.0)])
    assert pair_of(trials, ["max-4", "max-8", "depth", "kind"]) == ("max-4", "kind")
    assert pair_of(trials, ["max-4", "max-8", "depth"]) is None


@pytest.mark.parametrize("falls", [False, True])
def test_blue_is_best(falls: bool) -> None:
    trials = made_up([({"a": n % 2, "b": n // 2}, float(n)) for n in range(4)])
    [heatmap] = pair_plot(trials, ("a", "b"), falls=falls)["data"]
    highest = heatmap["colorscale"][0 if heatmap["reversescale"] else -1][1]
    assert (highest == "var(--set-1)") != falls


def test_too_few_trials_have_no_slices_and_without_importances_no_pair(
    study: ReportedStudy,
) -> None:
    known = {trial.id for trial in scored(study)}
    records = [record for record in study.records if record.id in known]
    assert slices(replace(study, records=records[: MIN_TRIALS - 1])) is None
    section = slices(replace(study, records=records[:MIN_TRIALS]))
    assert section is not None
    assert "pair-data" not in section.body
    assert "It needs two axes of known" in section.body


def test_plotly_takes_the_slices_and_both_kinds_of_pairs() -> None:
    trials = peaked(12)
    cut = made_up([({"a": n % 2, "b": n % 3}, float(n)) for n in range(6)])
    for plot in (
        slice_plot(trials, "lr"),
        pair_plot(trials, PAIR, falls=True),
        pair_plot(cut, ("a", "b"), falls=False),
    ):
        go.Figure(data=_with_one_colour(plot["data"]), layout=plot["layout"])  # or it refuses


def _with_one_colour(value: object) -> object:
    if isinstance(value, dict):
        return {name: _with_one_colour(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_with_one_colour(part) for part in value]
    return "black" if str(value).startswith("var(--") else value
