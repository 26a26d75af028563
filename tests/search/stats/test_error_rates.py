"""Error and power of ``confirm`` by simulation: choice of the test, all rivals, all looks."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from scipy.stats import norm

from search.replicates.contest import contest, looks_at
from search.replicates.lineup import Lineup
from search.stats.alpha_spending import nominal_levels
from search.stats.seed_test import (
    CHOICE_FACTOR,
    PAIRED_FROM,
    differences,
    mean_correlation,
    two_sided,
)
from search.study.trial_record import TrialRecord
from tests.search.conftest import entrant
from trainable.config import ObjectiveConfig

N_CONTESTS = 20_000


def winners(values_CES: np.ndarray) -> np.ndarray:
    """Winner of each contest by its place, -1 for none, as ``contest`` finds it look by look.

    Shapes: C contests, E entrants, S seeds.
    """
    n_contests, n_entrants, n_seeds = values_CES.shape
    looks, contests = looks_at(n_seeds), np.arange(n_contests)
    found = np.full(n_contests, -1)
    for look, level in zip(looks, nominal_levels(looks), strict=True):
        seen = values_CES[..., :look]
        leader = seen.mean(axis=-1).argmax(axis=-1)
        entrants = [seen[:, place] for place in range(n_entrants)]
        pairs = [(a, b) for i, a in enumerate(entrants) for b in entrants[i + 1 :]]
        is_paired = mean_correlation(pairs) >= PAIRED_FROM
        is_won = np.ones(n_contests, dtype=bool)
        for place, rival in enumerate(entrants):
            p = two_sided(*differences(seen[contests, leader], rival, is_paired))
            is_won &= (p * CHOICE_FACTOR < level) | (leader == place)
        found = np.where((found < 0) & is_won, leader, found)
    return found


def simulated(
    rng: np.random.Generator,
    leads: Sequence[float],
    *,
    n_seeds: int,
    correlation: float,
    n_contests: int = N_CONTESTS,
) -> np.ndarray:
    """Values of entrants with standard deviation 1 and one correlation over seeds."""
    common = rng.standard_normal((n_contests, 1, n_seeds))
    own = rng.standard_normal((n_contests, len(leads), n_seeds))
    noise = np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own
    values: np.ndarray = noise + np.array(leads)[:, None]
    return values


@pytest.mark.parametrize("correlation", [0.0, 0.6])
def test_the_simulated_contests_are_those_of_confirm(
    make_record: Callable[..., TrialRecord], correlation: float
) -> None:
    """With the same values, the same winner or none: leads of every size, some of them early."""
    leads, n_seeds = [1.5, 0.5, 0.0], 6
    drawn = simulated(
        np.random.default_rng(5), leads, n_seeds=n_seeds, correlation=correlation, n_contests=80
    )
    entrants = tuple(entrant(encoder, encoder) for encoder in ("LL", "LR", "L1L1"))
    lineup, record = Lineup(entrants=entrants, seeds=tuple(range(n_seeds))), make_record()
    found = []
    for values_ES in drawn + 100.0:
        records = [
            dataclasses.replace(
                record,
                key=each.key(seed),
                config=record.config.model_copy(update={"seed": seed}),
                objective=float(values_ES[place, seed]),
            )
            for place, each in enumerate(entrants)
            for seed in lineup.seeds
        ]
        ended = contest(lineup, records, ObjectiveConfig())
        assert ended is not None
        found.append(-1 if ended.winner is None else entrants.index(ended.winner))
    assert {-1, 0} <= set(found)
    assert found == winners(drawn).tolist()


@pytest.mark.parametrize("n_seeds", [3, 4, 6, 8, 12])
@pytest.mark.parametrize("correlation", [0.0, 0.6])
def test_two_equal_best_have_a_winner_in_3_to_5_of_100_contests(
    n_seeds: int, correlation: float
) -> None:
    """The worst case: with more equal ones, or without a third, an error is rarer or as rare."""
    values = simulated(
        np.random.default_rng(1), [0.0, 0.0], n_seeds=n_seeds, correlation=correlation
    )
    assert 0.03 <= (winners(values) >= 0).mean() <= 0.05


def test_more_equal_entrants_have_a_winner_less_often() -> None:
    values = simulated(np.random.default_rng(2), [0.0] * 4, n_seeds=8, correlation=0.6)
    assert (winners(values) >= 0).mean() < 0.01


@pytest.mark.parametrize("n_rivals", [1, 2])
def test_a_lead_of_one_deviation_wins_half_of_the_contests_with_8_seeds(n_rivals: int) -> None:
    values = simulated(
        np.random.default_rng(3), [1.0] + [0.0] * n_rivals, n_seeds=8, correlation=0.6
    )
    assert (winners(values) == 0).mean() >= 0.5


@pytest.mark.parametrize(("n_seeds", "least", "most"), [(8, 0.2, 0.3), (12, 0.6, 0.7)])
def test_the_line_up_that_is_not_chosen_needs_more_seeds(
    n_seeds: int, least: float, most: float
) -> None:
    """The best three, their deletions and a baseline: six rivals, here all equal."""
    values = simulated(
        np.random.default_rng(6), [1.0] + [0.0] * 6, n_seeds=n_seeds, correlation=0.6
    )
    assert least < (winners(values) == 0).mean() < most


def test_the_levels_keep_the_error_of_a_brownian_motion_and_leave_most_for_the_last_look() -> None:
    looks = tuple(range(3, 9))
    levels = nominal_levels(looks)
    assert list(levels) == sorted(levels)
    assert 0.04 < levels[-1] < 0.05
    steps = np.random.default_rng(4).standard_normal((200_000, looks[-1]))
    z = steps.cumsum(axis=1)[:, 2:] / np.sqrt(looks)
    is_out = (np.abs(z) > norm.isf(np.array(levels) / 2)).any(axis=1)
    assert is_out.mean() == pytest.approx(0.05, abs=0.0015)
    assert nominal_levels((5,)) == pytest.approx((0.05,))
