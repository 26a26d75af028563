"""Trainings with several seeds: each is made once and tested, and compared seed by seed."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from benchmarks.result import Row, Table
from benchmarks.training_record import TrainingRecord, training_key
from search.exports.full_evaluation import full_scores, trained_model
from search.stats.seed_test import SeedTest
from search.stats.significance import Interval, holm
from trainable.config import TrialConfig
from trainable.teacher_cost import TeacherCost
from trainable.training import run_trial

logger = logging.getLogger(__name__)

Measured = Literal["aucc", "test"]
Group = tuple[str, ...]  # what the trainings of a group, one a seed, have in common


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The end of one training; ``key`` is that of its settings and data."""

    key: str
    aucc: float
    score: float  # the best on the validation sentences
    test: float  # on the whole test set, by the weights of the best validation
    n_params: int
    flops: float  # of the training
    seconds: float  # of the training, validation left out
    wall_seconds: float  # of all of it
    teacher_flops: float | None = None  # of a teacher's pass over the training set
    teacher_seconds: float | None = None


Trained = Mapping[Group, Sequence[Outcome]]  # by seed


def train_all(wanted: Mapping[Group, Sequence[TrialConfig]], record: Path) -> Trained:
    """All trainings, one after the other, with one thread; those that ``record`` has are read."""
    kept = TrainingRecord(record, Outcome)
    found: dict[Group, list[Outcome]] = {}
    for group, configs in wanted.items():
        for config in configs:
            key = training_key(config)
            if key not in kept.known:
                kept.add(_train(key, config))
                best = kept.known[key]
                logger.info(
                    "%s, seed %d: %.2f, test %.2f, AUCC %.0f, %.0f s",
                    " ".join(group),
                    config.seed,
                    best.score,
                    best.test,
                    best.aucc,
                    best.wall_seconds,
                )
            found.setdefault(group, []).append(kept.known[key])
    return found


def _train(key: str, config: TrialConfig) -> Outcome:
    start = time.monotonic()
    torch.set_num_threads(1)
    training = run_trial(config, report=lambda _: None)
    model = trained_model(config, training.task, training.checkpoint().best_weights)
    torch.set_num_threads(1)  # the product tests with all cores
    test = full_scores(model, training.task, config, "test").score
    teacher: TeacherCost | None = training.teacher_cost
    return Outcome(
        key=key,
        aucc=training.aucc(),
        score=max(point.score for point in training.curve),
        test=test,
        n_params=training.counts.total,
        flops=training.curve[-1].flops,
        seconds=training.curve[-1].seconds,
        wall_seconds=time.monotonic() - start,
        teacher_flops=None if teacher is None else teacher.flops,
        teacher_seconds=None if teacher is None else teacher.seconds,
    )


def values(trained: Trained, group: Group, measure: Measured) -> list[float]:
    """A measure of each seed of a group."""
    return [getattr(one, measure) for one in trained[group]]


def mean_of(trained: Trained, group: Group, measure: Measured) -> str:
    """Mean and standard deviation over the seeds."""
    return str(Interval.of(values(trained, group, measure)))


def comparison(
    trained: Trained, pairs: Sequence[tuple[Group, Group]], measure: Measured, caption: str
) -> Table:
    """First against second of each pair: the ratio of AUCC, or the difference of test scores.

    One test for all the pairs: paired where values correlate over seeds, else Welch's; p is
    Holm's over the pairs.
    """
    is_ratio = measure == "aucc"
    sides = [tuple(values(trained, group, measure) for group in pair) for pair in pairs]
    logs = [tuple(np.log(side).tolist() for side in both) for both in sides] if is_ratio else sides
    test = SeedTest.of([(one, other) for one, other in logs])
    found = [test.difference(one, other) for one, other in logs]
    compared = [difference.comparison() for difference in found if difference is not None]
    rows: list[Row] = []
    for pair, (one, other), each, p in zip(
        pairs, sides, compared, holm([each.p for each in compared]), strict=True
    ):
        middle, low, high = each.difference, each.low, each.high
        n_higher = sum(a > b for a, b in zip(one, other, strict=True))
        rows.append(
            {
                "first": " ".join(pair[0]),
                "second": " ".join(pair[1]),
                "ratio (95 %)" if is_ratio else "difference (95 %)": (
                    f"{np.exp(middle):.3f} ({np.exp(low):.3f} to {np.exp(high):.3f})"
                    if is_ratio
                    else f"{middle:+.2f} ({low:+.2f} to {high:+.2f})"
                ),
                "p": f"{p:.2g}",
                "first higher": f"{n_higher} of {len(one)}",
            }
        )
    return Table(caption=f"{caption}; {test}", rows=rows)


def by_seed(trained: Trained) -> Table:
    """AUCC and test score of each training."""
    return Table(
        caption="Each seed, in order",
        rows=[
            {
                "": " ".join(group),
                "AUCC": ", ".join(f"{area:.1f}" for area in values(trained, group, "aucc")),
                "test": ", ".join(f"{score:.2f}" for score in values(trained, group, "test")),
            }
            for group in trained
        ],
    )


def minutes(trained: Trained) -> float:
    """Minutes of all trainings, with validations and tests."""
    return sum(one.wall_seconds for group in trained.values() for one in group) / 60


NOTES = (
    (
        "mean ± standard deviation over seeds; the test set was read once, by the weights of the "
        "best validation"
    ),
    (
        "all trainings of a seed begin from it; tests are paired where values correlate over the "
        "seeds by 0.3 or more, else Welch's; intervals hold for one comparison, p is Holm's over "
        "a table"
    ),
)
