"""A study's trials ranked anew by any objective: table and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from search.report.objective_words import goal_words, objective_words
from search.stats.hypervolume import Hypervolume, front_hypervolume
from search.study.console import output, say_sentence
from search.study.folder import StudyFolder
from search.study.ledger import sorted_records
from search.study.ranking import front_objective, pareto_front, ranked
from search.study.references import Model0s
from search.study.revaluation import other_objective, revalued
from search.study.score_name import score_name
from search.study.trial_record import TrialRecord
from trainable.config import ObjectiveConfig
from trainable.objective import Progress, objective_values

_WIDTH = 80  # characters, at which the table is whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """A study's compared trials in the order of an objective, with the place they had."""

    study: str
    objective: ObjectiveConfig
    metric: str
    trials: tuple[TrialRecord, ...]  # valued by the objective, best first
    before: dict[int, int]  # place of each trial in the study's own ranking, by id
    front: tuple[int, ...]  # ids of the trials on the front
    hypervolume: Hypervolume | None  # of a front that was asked for
    model0s: Model0s  # of the study, valued by the objective
    n_left_out: int  # trials of the space that are not completed or not within the bounds
    n_beside: int  # trials that are not of the space: what it is compared with


def rank_study(folder: StudyFolder, names: Sequence[str], overrides: Sequence[str]) -> Ranking:
    """Rank a study's trials by an objective, or by two or three for a front.

    Raises:
        UserError: an objective breaks a rule, or has no value for a trial.
    """
    config = folder.config()
    records = sorted_records(folder.trials)
    objective = other_objective(config, names, overrides)
    anew = revalued(records, objective)
    trials = tuple(ranked(anew, objective))
    own = ranked(records, config.objective)
    n_beside = sum(not record.is_of_the_space for record in records)
    return Ranking(
        study=config.name,
        objective=objective,
        metric=score_name(records),
        trials=trials,
        before={record.id: place for place, record in enumerate(own, start=1)},
        front=tuple(record.id for record in pareto_front(anew, objective)),
        hypervolume=front_hypervolume(anew, objective) if objective.is_pareto else None,
        model0s=Model0s.of(config, anew),
        n_left_out=len(records) - n_beside - len(trials),
        n_beside=n_beside,
    )


def ranking_json(ranking: Ranking) -> dict[str, Any]:
    """The ranking as JSON."""
    volume = ranking.hypervolume
    return {
        "study": ranking.study,
        "objective": ranking.objective.model_dump(mode="json"),
        "goals": [
            {"of": goal.text, "direction": "min" if goal.falls else "max"}
            for goal in ranking.objective.goals
        ],
        "trials": [
            {
                "place": place,
                "place_before": ranking.before.get(record.id),
                "objectives": list(record.objectives),
                "aucc_over_model0": ranking.model0s.aucc_ratio(record),
                **record.summary(),
            }
            for place, record in enumerate(ranking.trials, start=1)
        ],
        "front": list(ranking.front),
        "hypervolume": hypervolume_json(volume),
        "n_left_out": ranking.n_left_out,
        "n_beside": ranking.n_beside,
    }


def hypervolume_json(volume: Hypervolume | None) -> dict[str, Any] | None:
    """Value and reference; the reference is null where it is the worst of all trials."""
    return None if volume is None else {"value": volume.value, "model0": volume.model0}


def print_ranking(ranking: Ranking) -> None:
    """Print the ranking as a table that fits 80 columns."""
    several = front_objective(ranking.objective)
    shown = several if ranking.objective.is_pareto else ranking.objective
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), width=_WIDTH)
    table.add_column("place", justify="right", no_wrap=True)
    table.add_column("before", justify="right", no_wrap=True)
    table.add_column("trial", justify="right", no_wrap=True)
    table.add_column("encoder", overflow="fold", min_width=8)
    for heading in _headings(ranking, shown):
        table.add_column(heading, justify="right", overflow="fold")
    table.add_column(ranking.metric, justify="right", no_wrap=True)
    if _has_ratio(ranking):
        table.add_column("÷ Model 0", justify="right", no_wrap=True)
    table.add_column("M params", justify="right", no_wrap=True)
    table.add_column("*", no_wrap=True)
    for place, record in enumerate(ranking.trials, start=1):
        table.add_row(*_cells(ranking, shown, place, record))
    goals = [goal_words(goal, shown, ranking.metric) for goal in shown.goals]
    is_one = not ranking.objective.is_pareto
    words = objective_words(shown, ranking.metric) if is_one else " and ".join(goals)
    say_sentence(f"study {ranking.study}, ranked anew by {words}")
    output().print(table)
    if ranking.hypervolume is not None:
        say_sentence(ranking.hypervolume)
    without = {
        "not completed or beyond a bound": ranking.n_left_out,
        "not of the space, to compare with": ranking.n_beside,
    }
    if any(without.values()):
        said = ", ".join(f"{n} {why}" for why, n in without.items() if n)
        say_sentence(f"trials without a place: {said}")


def _headings(ranking: Ranking, shown: ObjectiveConfig) -> list[str]:
    if not ranking.objective.is_pareto:
        return ["objective"]
    return [goal.text for goal in shown.goals]


def _cells(ranking: Ranking, shown: ObjectiveConfig, place: int, record: TrialRecord) -> list[str]:
    progress = Progress(curve=record.curve, aucc=record.aucc or 0.0, counts=record.counts)
    values = objective_values(shown, progress)
    return [
        str(place),
        str(ranking.before.get(record.id, "-")),
        str(record.id),
        record.canonical,
        *(f"{value:.5g}" for value in values),
        f"{record.best_score:.2f}",
        *([_ratio(ranking, record)] if _has_ratio(ranking) else []),
        f"{record.n_mparams:.3f}",
        "*" if record.id in ranking.front else "",
    ]


def _has_ratio(ranking: Ranking) -> bool:
    """True if there is a Model 0, and room for the column: not beside several objectives."""
    return bool(ranking.model0s.by_depth) and not ranking.objective.is_pareto


def _ratio(ranking: Ranking, record: TrialRecord) -> str:
    """AUCC over that of Model 0."""
    ratio = ranking.model0s.aucc_ratio(record)
    return "-" if ratio is None else f"{ratio:.3f}"
