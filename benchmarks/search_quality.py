"""Search quality: what searches spend on recorded problems until they have found the best.

Ours with its defaults, simple rules, random search, plain TPE through Ray's `OptunaSearch` and,
where they are installed, Syne Tune and SMAC3: all over the same tables of recorded trials, in
simulated time. Not part of `make bench`: it takes many minutes.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from statistics import median

import optuna

from benchmarks import smac_peer, syne_tune_peer
from benchmarks.command import Options, run
from benchmarks.machine import machine
from benchmarks.result import Cell, Report, Row, Table
from benchmarks.search_peers import (
    MakePeer,
    cheapest_first,
    plain_tpe,
    plain_tpe_with_asha,
    random_search,
    random_search_with_asha,
    smallest_first,
)
from benchmarks.search_problems import Front, Problem, name_of, problems
from benchmarks.simulated_search import Course, simulate
from benchmarks.spread import figure
from search.study.config import StudyConfig

logger = logging.getLogger(__name__)

N_SEEDS = 10
N_WORKERS = 2
OURS = "ours, with its defaults"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """Our search with other settings than its defaults."""

    algorithm: Mapping[str, object] = field(default_factory=dict)  # of [search]
    scheduler: Mapping[str, object] = field(default_factory=dict)

    def settings(self, config: StudyConfig) -> StudyConfig:
        """Settings of the study with these in their places."""
        update = {
            "search": config.search.model_copy(update=self.algorithm),
            "scheduler": config.scheduler.model_copy(update=self.scheduler),
        }
        return config.model_copy(update=update)


Search = MakePeer | Ours  # a peer is made for a table, a study and a seed


RULES: Mapping[str, Search] = {
    "fewest training FLOPs first": cheapest_first,
    "fewest parameters first": smallest_first,
    "random search": random_search,
}
PEERS: Mapping[str, Search] = {
    "random search with ASHA": random_search_with_asha,
    "plain TPE (OptunaSearch)": plain_tpe,
    "plain TPE (OptunaSearch) with ASHA": plain_tpe_with_asha,
}
SYNE_TUNE: Mapping[str, Search] = {
    "Syne Tune's ASHA": partial(syne_tune_peer.syne_tune, "ASHA"),
    "Syne Tune's BOHB": partial(syne_tune_peer.syne_tune, "BOHB"),
    "regularised evolution (Syne Tune)": syne_tune_peer.regularised_evolution,
}
FRONT_PEERS: Mapping[str, Search] = {  # the others know one objective
    "TPE (Optuna)": Ours(algorithm={"algorithm": "tpe"}),
    "NSGA-II (Optuna)": Ours(algorithm={"algorithm": "nsga2"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """Outcomes of one search on one problem, a seed each."""

    costs: Sequence[float]  # of which lower is better; see ``_cost``
    n_trials: Sequence[int]
    n_found: int  # number of searches that came there

    @classmethod
    def of(cls, problem: Problem, courses: Sequence[Course]) -> Outcomes:
        """Outcomes of a search's courses."""
        missed = [problem.shortfall(each.records(up_to=problem.max_updates)) for each in courses]
        return cls(
            costs=[_cost(problem, *each) for each in zip(courses, missed, strict=True)],
            n_trials=[course.n_trials for course in courses],
            n_found=sum(shortfall <= problem.within for shortfall in missed),
        )

    @property
    def median(self) -> float:
        return median(self.costs)


def _cost(problem: Problem, course: Course, shortfall: float) -> float:
    """The updates until the search came there, infinite if it never did.

    Of a problem with a given number of updates the shortfall after them, in %.
    """
    if math.isfinite(problem.max_updates):
        return 100 * max(0.0, shortfall)
    return float(course.n_updates) if shortfall <= problem.within else math.inf


def measure(options: Options) -> Report:  # noqa: ARG001 - every benchmark takes them
    """Report of the updates that each search spent on each problem."""
    found = problems()
    with ProcessPoolExecutor() as pool:
        outcomes = list(pool.map(_outcomes, found))
    tables = {name_of(problem.table): problem.table for problem in found}
    return Report(
        name="search_quality",
        title="Search",
        header={
            **machine(),
            "tables": "; ".join(
                f"{name}: {len(table.by_key)} layouts, {len(table.trials)} trials"
                for name, table in tables.items()
            ),
            "search": f"{N_WORKERS} trials at a time, seeds 1 to {N_SEEDS}",
        },
        tables=[_summary(found, outcomes), *map(_table, found, outcomes)],
        notes=[
            (
                "the best layout is that of the best completed trial; its worth is its mean "
                "objective over the recorded seeds"
            ),
            (
                "updates are those of all trials, stopped ones to where they stopped; a search "
                "that does not come there within as many trials as the table has layouts counts "
                "as more than any that does"
            ),
            "the quartiles are over the seeds of the search",
            *(f"{name} is not installed here: pip install {package}" for name, package in absent()),
        ],
    )


def searches(problem: Problem) -> Mapping[str, Search]:
    """The searches of a problem by name, ours first."""
    if isinstance(problem, Front):
        return {OURS: Ours(), **RULES, **FRONT_PEERS}
    optional = {
        **(SYNE_TUNE if syne_tune_peer.is_installed() else {}),
        **({"SMAC3": smac_peer.smac} if smac_peer.is_installed() else {}),
    }
    return {OURS: Ours(), **variants(problem), **RULES, **PEERS, **optional}


def variants(problem: Problem) -> Mapping[str, Search]:
    """Ours with another scheduler than the default one."""
    if not problem.config.objective.is_of_aucc:
        return {f"{OURS}, but ASHA": Ours(scheduler={"name": "asha"})}
    return {
        f"{OURS}, nothing stopped": Ours(scheduler={"name": "none"}),
        f"{OURS}, but ASHA from a quarter": Ours(scheduler={"grace": problem.config.horizon / 4}),
        f"{OURS}, but extrapolation at risk 0.01": Ours(
            scheduler={"name": "extrapolation", "risk": 0.01}
        ),
    }


def absent() -> list[tuple[str, str]]:
    """Name and package of each optional search that is not installed."""
    peers = (("Syne Tune", "syne-tune", syne_tune_peer), ("SMAC3", "smac", smac_peer))
    return [(name, package) for name, package, module in peers if not module.is_installed()]


def _outcomes(problem: Problem) -> dict[str, Outcomes]:
    """Outcomes on one problem by the search's name, in a process of its own."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    logging.getLogger("syne_tune").setLevel(logging.ERROR)
    outcomes = {}
    for name, search in searches(problem).items():
        courses = [_course(problem, search, seed) for seed in range(1, N_SEEDS + 1)]
        outcomes[name] = Outcomes.of(problem, courses)
        logger.info("%s: %s: %s", problem.name, name, figure_of(outcomes[name].median))
    return outcomes


def _course(problem: Problem, search: Search, seed: int) -> Course:
    def is_over(course: Course) -> bool:
        if math.isfinite(problem.max_updates):
            return course.n_updates >= problem.max_updates
        return problem.shortfall(course.records()) <= problem.within

    config, peer = problem.config, None
    if isinstance(search, Ours):
        config = search.settings(config)
    else:
        peer = search(problem.table, config, seed)
    return simulate(
        problem.table, config, seed=seed, n_workers=N_WORKERS, is_over=is_over, peer=peer
    )


def _summary(found: Sequence[Problem], outcomes: Sequence[Mapping[str, Outcomes]]) -> Table:
    return Table(
        caption="Ours and the best of the others on each problem, medians: updates, or % of the "
        "best value missed where the updates are given",
        rows=[_summary_row(*each) for each in zip(found, outcomes, strict=True)],
    )


def _summary_row(problem: Problem, by_name: Mapping[str, Outcomes]) -> Row:
    ours = by_name[OURS]
    others = {name: found.median for name, found in by_name.items() if not name.startswith(OURS)}
    least = min(others.values())
    verdict = "ahead" if ours.median < least else "equal" if ours.median == least else "behind"
    return {
        "problem": problem.name,
        "ours": _cell(ours.median),
        "best of the others": _cell(least),
        "which": ", ".join(name for name, other in others.items() if other == least),
        "ours is": verdict,
    }


def _table(problem: Problem, by_name: Mapping[str, Outcomes]) -> Table:
    is_timed = math.isfinite(problem.max_updates)
    judged = "% missed" if is_timed else "updates"
    if is_timed:
        end = f"% of the best value missed after {problem.max_updates:.0f} updates"
    else:
        end = f"updates until within {problem.within:.0%} of the best that the table has"
    return Table(
        caption=f"{problem.name}: {end}",
        rows=[_row(name, found, by_name[OURS], judged) for name, found in by_name.items()],
    )


def _row(name: str, found: Outcomes, ours: Outcomes, judged: str) -> Row:
    ordered = sorted(found.costs)
    n = len(ordered)
    quartiles = (ordered[place] for place in (n // 4, n - 1 - n // 4))
    ratio = found.median / ours.median if ours.median else math.inf
    known = "–" if math.isinf(ours.median) else _cell(ratio)
    return {
        "": name,
        f"{judged}, median": _cell(found.median),
        "× ours": 1.0 if found is ours else known,
        f"{judged}, quartiles": " to ".join(map(figure_of, quartiles)),
        "trials, median": median(found.n_trials),
        "came there": f"{found.n_found} of {n}",
    }


def _cell(value: float) -> Cell:
    return value if math.isfinite(value) else "never"


def figure_of(value: float) -> str:
    """``value`` for a reader; "never" for infinity."""
    return figure(value) if math.isfinite(value) else "never"


if __name__ == "__main__":
    run(measure, __doc__)
