"""Value of each candidate of a table: its mean objective over all its recorded trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from search.replay.trial_table import RecordedTrial, TrialTable
from search.study.bounds import is_within, score_shortfall, size_excess
from search.study.config import StudyConfig
from search.suggest.study_trials import MAX_ENUMERATED
from spaces.chooser import FixedChooser
from spaces.errors import UserError
from spaces.expression import ExpressionError
from spaces.space import SearchSpace
from trainable.aucc import aucc, best_point
from trainable.config import ObjectiveConfig
from trainable.objective import Progress, mparams, objective_value

_N_NAMED = 3  # missing candidates that an error names


def candidate_values(table: TrialTable, config: StudyConfig) -> Mapping[str, float]:
    """Mean objective of each candidate of the study's space, by key, as a gain.

    Candidates that break a bound of the objective are left out: they cannot win.

    Raises:
        UserError: the table lacks candidates, none of them is within the bounds, or none has an
            objective above 0, so that there is nothing to compare.
    """
    try:
        values = _values(table, config)
    except ExpressionError as error:
        raise UserError(f"objective.name: {error}") from error
    if not values:
        raise UserError("objective: no candidate of the table is within its bounds; loosen them")
    if not any(values.values()):
        raise UserError(
            "objective: is 0 for every candidate of the table, whose models have learned nothing; "
            "record it with a longer budget"
        )
    return values


def _values(table: TrialTable, config: StudyConfig) -> dict[str, float]:
    return {
        key: fmean(_gain(trial, config) for trial in table.by_key[key])
        for key in _keys(config.space, table)
        if _within_bounds(table.by_key[key], config.objective)
    }


def _keys(space: SearchSpace, table: TrialTable) -> list[str]:
    """The keys of the space's candidates, all of which the table holds."""
    n_points = space.n_points()
    if n_points is None or n_points > MAX_ENUMERATED:
        raise UserError(
            f"space: no table holds ranges, or more than {MAX_ENUMERATED:,} points; narrow the "
            "space to recorded values: --set space.AXIS=[…]"
        )
    candidates = (space.choose(FixedChooser(point)) for point in space.points())
    keys = list(dict.fromkeys(candidate.key for candidate in candidates))
    absent = [key for key in keys if key not in table.by_key]
    if absent:
        named = ", ".join(absent[:_N_NAMED]) + (", …" if len(absent) > _N_NAMED else "")
        raise UserError(
            f"space: the table has no trial of {len(absent)} of its {len(keys)} candidates: "
            f"{named}; record them, or narrow the space: --set space.AXIS=[…]"
        )
    return keys


def _gain(trial: RecordedTrial, config: StudyConfig) -> float:
    clock = config.objective.clock
    area = aucc(trial.curve, clock=clock, horizon=config.horizon, hold_last=True)
    progress = Progress(curve=trial.curve, aucc=area, counts=trial.counts)
    return config.objective.gain(objective_value(config.objective, progress))


def _within_bounds(trials: Sequence[RecordedTrial], objective: ObjectiveConfig) -> bool:
    excesses = (
        score_shortfall(objective, fmean(best_point(trial.curve).score for trial in trials)),
        size_excess(objective, mparams(trials[0].counts, objective.parameters)),
    )
    return all(is_within(excess) for excess in excesses)
