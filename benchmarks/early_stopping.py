"""Early stopping: how late shared layouts start, and what each scheduler throws away.

The schedulers see the recorded trials of a table one after the other, in random orders,
and decide as they would in a search. Nothing trains and nothing is searched.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from ray.tune.experiment import Trial
from ray.tune.schedulers import TrialScheduler
from scipy.stats import rankdata, spearmanr

from benchmarks.command import Options, run
from benchmarks.machine import SEED, machine
from benchmarks.result import Report, Row, Table
from benchmarks.search_problems import DEPTH8_TABLE, TABLE
from benchmarks.spread import Spread
from search.replay.recorded_studies import open_table
from search.replay.simulated_trial import recorded_result
from search.replay.trial_table import RecordedTrial, TrialTable
from search.schedule.schedulers import make_scheduler
from search.study.config import SchedulerConfig, StudyConfig
from spaces.layout import Layout

N_ORDERS = 40
SHARES = (1 / 6, 1 / 4, 1 / 3, 1 / 2, 3 / 4)  # shares of the budget
STARTS = (1 / 8, 1 / 4, 1 / 3, 1 / 2)  # ASHA's first rung as a share of the budget; rungs double
TOPS = (1, 5, 10)
OBJECTIVES = ("aucc_per_mparam", "aucc", "score")

# By name, with the share of the whole before which none stops a trial: of the budget, and of
# FLOPs, which differ from layout to layout, of those that the cheapest one spends. On tokens the
# rungs are those on updates: all layouts meet the same batches.
SCHEDULERS: Mapping[str, tuple[SchedulerConfig, float]] = {
    **{f"asha, from {share:.0%}": (SchedulerConfig(name="asha"), share) for share in STARTS},
    **{
        f"asha on FLOPs, from {share:.0%}": (SchedulerConfig(name="asha", clock="flops"), share)
        for share in (1 / 4, 1 / 3)
    },
    "median, from 33%": (SchedulerConfig(name="median"), 1 / 3),
    "extrapolation, risk 0.05": (SchedulerConfig(name="extrapolation"), 1 / 8),
    "extrapolation, risk 0.01": (SchedulerConfig(name="extrapolation", risk=0.01), 1 / 8),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """The trials of a table that compete, and what for."""

    table: TrialTable
    objective: str
    depths: tuple[int, ...]

    @property
    def name(self) -> str:
        return f"`{self.objective}`, encoders of depth {', '.join(map(str, self.depths))}"

    @property
    def config(self) -> StudyConfig:
        objective = self.table.study.objective.model_copy(update={"name": self.objective})
        return self.table.study.model_copy(update={"objective": objective})

    @property
    def schedulers(self) -> list[str]:
        """Names of the schedulers that know its objective."""
        is_forecast = self.config.objective.is_of_aucc
        return [
            name
            for name, (scheduler, _) in SCHEDULERS.items()
            if is_forecast or scheduler.name != "extrapolation"
        ]


def contests(own: TrialTable | None) -> list[Contest]:
    """The contests of the recorded tables, or of a user's own.

    All depths together, and one alone, where no layout is much cheaper than another.
    """
    if own is not None:
        return [Contest(table=own, objective=name, depths=_depths(own)) for name in OBJECTIVES]
    small, deep = open_table(str(TABLE)), open_table(str(DEPTH8_TABLE))
    parts = ((small, _depths(small)), (small, (6,)), (deep, _depths(deep)))
    return [
        Contest(table=table, objective=name, depths=depths)
        for table, depths in parts
        for name in OBJECTIVES
    ]


def _depths(table: TrialTable) -> tuple[int, ...]:
    found = {trials[0].candidate.encoder.depth for trials in table.by_key.values()}
    return tuple(sorted(found))


@dataclass(frozen=True, slots=True)
class Course:
    """A recorded trial as a scheduler sees it: what it reports after each validation."""

    encoder: Layout
    results: tuple[dict[str, object], ...]

    @property
    def value(self) -> float:
        """The objective at the end of the budget."""
        return float(str(self.results[-1]["objective"]))

    @property
    def shares_weights(self) -> bool:
        return len(set(self.encoder.owners)) < self.encoder.depth


def measure(options: Options) -> Report:
    """One pair of tables for each contest."""
    found = contests(open_table(str(options.data)) if options.data else None)
    tables = []
    for contest in found:
        courses = _courses(contest)
        tables += [
            Table(
                caption=f"{contest.name}: rank correlation (Spearman) of the objective so far "
                "with the final one, and how many ranks layouts with shared weights gain",
                rows=[_early_row(courses, share) for share in SHARES],
            ),
            Table(
                caption=f"{contest.name}: stopped before their end, in {N_ORDERS} random orders",
                rows=[_scheduler_row(each, courses, contest.config) for each in contest.schedulers],
            ),
        ]
    return Report(
        name="early_stopping",
        title="Early stopping",
        header={
            **machine(),
            "tables": ", ".join(
                dict.fromkeys(
                    f"{contest.table.study.name}: {len(contest.table.by_key)} layouts"
                    for contest in found
                )
            ),
        },
        tables=tables,
        notes=[
            (
                "ranks gained: the mean rank of layouts that share weights by the objective so "
                "far, minus their mean rank at the end; positive where they start late"
            ),
            "one worker, every layout once; of replicates, the first",
            (
                "on FLOPs a share is of what the cheapest layout spends in all: a layout of twice "
                "its FLOPs is first judged after half as many updates"
            ),
        ],
    )


def _courses(contest: Contest) -> list[Course]:
    config, firsts = contest.config, (trials[0] for trials in contest.table.by_key.values())
    return [
        _course(first, config)
        for first in firsts
        if first.candidate.encoder.depth in contest.depths
    ]


def _course(trial: RecordedTrial, config: StudyConfig) -> Course:
    results = tuple(
        recorded_result(trial, n_points, config.objective, horizon=config.horizon)
        for n_points in range(1, len(trial.curve) + 1)
    )
    return Course(trial.candidate.encoder, results)


def _early_row(courses: Sequence[Course], share: float) -> Row:
    early = [
        float(str(course.results[max(0, round(share * len(course.results)) - 1)]["objective"]))
        for course in courses
    ]
    final = [course.value for course in courses]
    gains = [
        before - after
        for before, after, course in zip(_ranks(early), _ranks(final), courses, strict=True)
        if course.shares_weights
    ]
    return {
        "share of the budget": f"{share:.0%}",
        "rank correlation": float(spearmanr(early, final).statistic),
        "ranks gained by sharing": fmean(gains),
    }


def _ranks(values: Sequence[float]) -> list[int]:
    """1 for the highest; of equals, for the first."""
    ranks: list[int] = rankdata([-value for value in values], method="ordinal").tolist()
    return ranks


def _scheduler_row(name: str, courses: Sequence[Course], config: StudyConfig) -> Row:
    config = _with_scheduler(*SCHEDULERS[name], courses, config)
    best_first = sorted(range(len(courses)), key=lambda index: -courses[index].value)
    whole = sum(len(course.results) for course in courses)
    rng = random.Random(SEED)
    spent, stopped = [], []
    for _ in range(N_ORDERS):
        order = rng.sample(range(len(courses)), len(courses))
        lengths = _lengths([courses[index] for index in order], make_scheduler(config))
        n_points = dict(zip(order, lengths, strict=True))
        spent.append(100 * sum(lengths) / whole)
        stopped.append({index for index in order if n_points[index] < len(courses[index].results)})
    return {
        "": name,
        **{
            f"of the best {top}, %" if top > 1 else "the best, % of orders": fmean(
                100 * len(gone & set(best_first[:top])) / top for gone in stopped
            )
            for top in TOPS
        },
        "updates spent, %": Spread.of(spent),
    }


def _with_scheduler(
    scheduler: SchedulerConfig, share: float, courses: Sequence[Course], config: StudyConfig
) -> StudyConfig:
    """The study with that scheduler, and a budget on its clock that ends no trial earlier."""
    clock = scheduler.clock or config.objective.clock
    ends = [float(str(course.results[-1][clock])) for course in courses]
    return config.model_copy(
        update={
            "scheduler": scheduler.model_copy(update={"grace": share * min(ends)}),
            "budget": config.budget.model_copy(update={clock: max(ends)}),
        }
    )


def _lengths(courses: Sequence[Course], scheduler: TrialScheduler) -> list[int]:
    """Number of points that each trial may report, trial by trial."""
    lengths = []
    for number, course in enumerate(courses):
        trial = Trial("recorded", trial_id=f"{number}", stub=True)
        scheduler.on_trial_add(None, trial)
        *early, last = course.results
        for n_points, result in enumerate(early, start=1):
            if scheduler.on_trial_result(None, trial, result) == TrialScheduler.STOP:
                lengths.append(n_points)
                break
        else:
            scheduler.on_trial_result(None, trial, last)
            scheduler.on_trial_complete(None, trial, last)
            lengths.append(len(course.results))
    return lengths


if __name__ == "__main__":
    run(measure, __doc__)
