"""Runs in turn, and what is made of their measurements."""

from __future__ import annotations

import pytest

from benchmarks import alternate as alternate_module
from benchmarks.alternate import alternate
from benchmarks.spread import Spread, figure, ratio


def test_runs_come_in_turn_and_the_warm_up_is_not_kept():
    calls: list[str] = []

    def run(name: str) -> int:
        calls.append(name)
        return len(calls)

    kept = alternate({"a": lambda: run("a"), "b": lambda: run("b")}, n_rounds=2, n_warm_up=1)
    assert calls == ["a", "b"] * 3
    assert kept == {"a": [3, 5], "b": [4, 6]}


def test_no_round_begins_that_would_end_too_late_but_the_first(monkeypatch: pytest.MonkeyPatch):
    now = 0.0

    def run() -> float:
        nonlocal now
        now += 10
        return now

    monkeypatch.setattr(alternate_module.time, "perf_counter", lambda: now)
    # The warm-up and two rounds end at 30 s; a third would end at 40.
    assert alternate({"a": run}, n_rounds=9, n_warm_up=1, seconds=39) == {"a": [20, 30]}
    now = 0.0
    assert alternate({"a": run}, n_rounds=9, seconds=1) == {"a": [10]}


def test_a_spread_is_the_median_within_the_range():
    assert Spread.of([4.0, 1.0, 2.0]) == Spread(median=2.0, low=1.0, high=4.0)


def test_a_ratio_compares_measurements_of_one_round():
    # The machine halves its speed in the second round; both runs feel it alike.
    assert ratio([20.0, 10.0], [10.0, 5.0]) == Spread(median=2.0, low=2.0, high=2.0)


def test_a_ratio_refuses_rounds_that_do_not_pair():
    with pytest.raises(ValueError, match="shorter"):
        ratio([1.0, 2.0], [1.0])


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1.05349, "1.053"), (0.000123456, "0.0001235"), (99999.0, "100,000"), (950, "950")],
)
def test_a_figure_has_four_digits(value: float, text: str):
    assert figure(value) == text
