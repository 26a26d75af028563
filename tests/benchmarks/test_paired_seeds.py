"""The paired comparison of recorded layouts with their deletions."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from scipy import stats

from benchmarks.paired_seeds import COMPARISONS, NAMES, Paired
from search.replay.trial_table import TrialTable
from search.study.config import study_from
from spaces.errors import UserError
from tests.search.replay.tables import made_table

SEEDS = (1, 2, 3, 4)


@pytest.fixture(scope="module")
def table() -> TrialTable:
    values = {
        "name": "s",
        "data": "d",
        "space": {"encoder": list(NAMES)},
        "budget": {"updates": 12},
    }
    return made_table(study_from(values, "test"), seeds=SEEDS)


def test_the_ratio_and_its_interval_are_those_of_a_paired_t_test_of_logarithms(table: TrialTable):
    paired = Paired.of(table)  # the made values rise alike with the seed, so the test is paired
    found = paired.comparisons(paired.log_area)[0]
    sides = [[paired.log_area(t) for t in paired.trials[name]] for name in COMPARISONS[0]]
    expected = stats.ttest_rel(*sides)
    mean = math.fsum(a - b for a, b in zip(*sides, strict=True)) / len(SEEDS)
    assert found.difference == pytest.approx(mean)
    assert expected.pvalue <= found.p <= 2 * expected.pvalue  # the choice of the test costs
    interval = expected.confidence_interval()
    assert found.low <= interval.low < mean < interval.high <= found.high


def test_a_layout_with_other_seeds_is_refused(table: TrialTable):
    fewer = replace(table, trials=table.trials[:-1])
    with pytest.raises(UserError, match="the same seeds"):
        Paired.of(fewer)
