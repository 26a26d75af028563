"""Trainings with several seeds: their comparison is the t-test, and each is made once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ttest_ind, ttest_rel

from benchmarks import by_seed
from benchmarks.by_seed import Outcome, Trained, comparison, train_all
from search.stats.seed_test import CHOICE_FACTOR
from tests.encoder_exports import encoder_trial

ONE = (70.0, 72.5, 71.0, 75.0)
ALIKE = (68.0, 71.0, 69.2, 74.0)  # rises and falls with ``ONE``
APART = (69.0, 64.0, 70.0, 66.0)


def trained(*groups: Sequence[float]) -> Trained:
    return {
        (str(number),): [
            Outcome(
                key=f"{number} {score}",
                aucc=10 * score,
                score=score,
                test=score,
                n_params=1,
                flops=1.0,
                seconds=1.0,
                wall_seconds=60.0,
            )
            for score in group
        ]
        for number, group in enumerate(groups)
    }


def numbers(text: object) -> list[float]:
    return [float(number) for number in re.findall(r"[-+]?\d+\.\d+", str(text))]


@pytest.mark.parametrize("other", [ALIKE, APART])
def test_a_difference_is_that_of_the_t_test_which_fits(other: Sequence[float]):
    table = comparison(trained(ONE, other), [(("0",), ("1",))], "test", "scores")
    (row,) = table.rows
    test = ttest_rel(ONE, other) if other == ALIKE else ttest_ind(ONE, other, equal_var=False)
    interval = test.confidence_interval(1 - 0.05 / CHOICE_FACTOR)
    expected = [np.mean(ONE) - np.mean(other), interval.low, interval.high]
    assert numbers(row["difference (95 %)"]) == pytest.approx(expected, abs=0.006)
    assert float(str(row["p"])) == pytest.approx(CHOICE_FACTOR * test.pvalue, rel=0.06)
    assert ("paired" in table.caption) == (other == ALIKE)
    assert row["first higher"] == f"{sum(np.greater(ONE, other))} of 4"


def test_areas_are_compared_by_their_geometric_means():
    table = comparison(trained(ONE, ALIKE), [(("0",), ("1",))], "aucc", "areas")
    ratios = np.log(ONE) - np.log(ALIKE)
    interval = ttest_rel(np.log(ONE), np.log(ALIKE)).confidence_interval(1 - 0.05 / CHOICE_FACTOR)
    expected = np.exp([ratios.mean(), interval.low, interval.high])
    assert numbers(table.rows[0]["ratio (95 %)"]) == pytest.approx(list(expected), abs=0.0006)


def test_a_training_is_made_once_and_tested_on_the_whole_test_set(kinds: Path, tmp_path: Path):
    wanted = {("tiny",): [encoder_trial(kinds, seed=seed) for seed in (1, 2)]}
    first = train_all(wanted, tmp_path / "record.jsonl")
    (one, other) = first["tiny",]
    assert one.key != other.key
    assert 0 <= one.test <= 100
    assert one.teacher_flops is None
    with pytest.MonkeyPatch.context() as patched:
        patched.delattr(by_seed, "run_trial")
        assert train_all(wanted, tmp_path / "record.jsonl") == first
