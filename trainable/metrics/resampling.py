"""The paired bootstrap for metrics that have none of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from trainable.metrics.metric import PairedBootstrap

N_RESAMPLES = 1000
SEED = 12345  # sacreBLEU's default

Output = TypeVar("Output")  # text, or what is known of it, such as its own score


def paired_bootstrap(
    score: Callable[[Sequence[Output], Sequence[str]], float],
    outputs: Sequence[Output],
    baseline: Sequence[Output],
    references: Sequence[str],
) -> PairedBootstrap:
    """Test by sacreBLEU's procedure whether ``outputs`` score otherwise than ``baseline``.

    Examples are drawn with replacement, the same for both. The p-value is the share of draws
    whose difference exceeds the mean difference by more than the whole set's.

    Source:
        P. Koehn (2004), Statistical significance tests for machine translation evaluation.
    """
    rng = np.random.default_rng(SEED)
    whole, of_baseline = score(outputs, references), score(baseline, references)
    differences = np.empty(N_RESAMPLES)
    for n in range(N_RESAMPLES):
        chosen = rng.integers(len(references), size=len(references)).tolist()
        drawn = [references[place] for place in chosen]
        differences[n] = abs(
            score([outputs[place] for place in chosen], drawn)
            - score([baseline[place] for place in chosen], drawn)
        )
    further = differences - differences.mean() > abs(whole - of_baseline)
    return PairedBootstrap(
        score=whole,
        score_baseline=of_baseline,
        p=float((further.sum() + 1) / (N_RESAMPLES + 1)),
        n_resamples=N_RESAMPLES,
    )
