"""Nominal levels of repeated looks at growing data, by alpha spending."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

from search.stats.significance import SIGNIFICANCE

# Power of the share of data in alpha spent. O'Brien and Fleming's bounds lie near 3 and leave
# 0.035 for the last of six looks; this leaves 0.044, and a lead of two standard deviations still
# ends the training after 6 of 8 seeds on average.
_POWER = 5
_N_NODES = 128  # of Gauss-Legendre quadrature: levels are right to five digits
_HIGHEST = 40.0  # standard deviations, beyond any bound


@cache
def nominal_levels(looks: tuple[int, ...]) -> tuple[float, ...]:
    """Two-sided levels of looks at so many seeds, that together keep ``SIGNIFICANCE``.

    After the share t of the last look's seeds ``SIGNIFICANCE`` · t⁵ may be spent. The bounds are
    those of a Brownian motion. A t-test's p-value is compared with the level of its look
    ("significance level approach"), which holds the error with few seeds too: to within the factor
    on p of ``seed_test.py``, by simulation.

    Source:
        K. K. G. Lan, D. L. DeMets (1983), Discrete sequential boundaries for clinical trials;
        K. Kim, D. L. DeMets (1987), Design and analysis of group sequential tests based on the
        type I error spending rate function; quadrature by P. Armitage, C. K. McPherson,
        B. C. Rowe (1969), Repeated significance tests on accumulating data; t-tests by
        C. Jennison, B. W. Turnbull (2000), Group Sequential Methods, section 4.4.
    """
    nodes, weights = np.polynomial.legendre.leggauss(_N_NODES)
    # The motion before the look: positions that are within bounds, and their probabilities.
    positions, masses = np.zeros(1), np.ones(1)
    levels, share_before = [], 0.0
    for n_seeds in looks:
        share = n_seeds / looks[-1]
        step = math.sqrt(share - share_before)
        spent = SIGNIFICANCE * (share**_POWER - share_before**_POWER)
        bound = brentq(_excess, 0.0, _HIGHEST, args=(positions, masses, step, spent), xtol=1e-10)
        levels.append(float(2 * norm.sf(bound / math.sqrt(share))))
        inside = bound * nodes
        densities = norm.pdf((inside - positions[:, None]) / step) / step
        positions, masses = inside, (masses @ densities) * weights * bound
        share_before = share
    return tuple(levels)


def _excess(
    bound: float, positions: np.ndarray, masses: np.ndarray, step: float, spent: float
) -> float:
    """Probability that the motion leaves ``bound`` in a step, above what may be spent."""
    above, below = (bound - positions) / step, (-bound - positions) / step
    return float(masses @ (norm.sf(above) + norm.cdf(below))) - spent
