"""A study's suggestions and their outcomes in Optuna."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

import optuna
from optuna.trial import FrozenTrial, TrialState

from search.study.bounds import score_shortfall
from search.study.config import StudyConfig
from search.study.trial_record import TrialRecord
from search.suggest.bounds import OutOfBounds
from search.suggest.earlier_studies import EarlierTrial
from search.suggest.optuna_journal import AskTellStudy, Direction, OptunaChooser, open_journal
from search.suggest.outcome import attributes_of, outcome_of
from search.suggest.suggestion_counts import SuggestionCounts
from search.suggest.suggestion_marks import (
    DISCARDED,
    EARLIER,
    LOST,
    OUT_OF_BOUNDS,
    REPEATED,
    RETRIED,
)
from spaces.candidate import Candidate
from spaces.chooser import Point
from trainable.private.optuna import open_again


def directions_of(config: StudyConfig) -> list[Direction]:
    """Directions of the study's objectives in Optuna."""
    return ["minimize" if goal.falls else "maximize" for goal in config.objective.goals]


class SuggestionJournal:
    """Asks Optuna for suggestions and reports their outcomes to it; made by ``open``.

    All suggestions are in Optuna's journal file, so nothing is lost with Tune's experiment
    state.
    """

    def __init__(
        self, config: StudyConfig, study: AskTellStudy, records: Callable[[], Sequence[TrialRecord]]
    ) -> None:
        self._config = config
        self._study = study
        self._records = records
        self._open: dict[int, optuna.Trial] = {}  # without an outcome, by Optuna's number
        self._waiting: dict[int, list[int]] = defaultdict(list)  # our ids to Optuna's numbers

    @classmethod
    def open(
        cls,
        config: StudyConfig,
        log: Path,
        records: Callable[[], Sequence[TrialRecord]] = tuple,
    ) -> Self:
        """Open the journal at ``log`` for writing, or begin it.

        Args:
            config: the study.
            log: the journal's file.
            records: gives the study's trials, for a bound that is a part of Model 0's score.

        Raises:
            UserError: the journal is damaged.
        """
        study = open_journal(log, study=config.name, directions=directions_of(config))
        return cls(config, study, records)

    @property
    def trials(self) -> Sequence[FrozenTrial]:
        """All suggestions, as Optuna has them, in order of number."""
        return self._study.get_trials(deepcopy=False)

    @property
    def lost(self) -> Sequence[int]:
        """Numbers of the suggestions that were written off."""
        lost: Sequence[int] = self._study.user_attrs.get(LOST, ())
        return lost

    @property
    def is_stopped(self) -> bool:
        """True once the sampler has nothing more to suggest."""
        return self._study.is_stopped

    def sample_by(self, sampler: optuna.samplers.BaseSampler) -> None:
        """Let ``sampler`` answer where no point is queued."""
        self._study.sampler = sampler

    def counts(self, *, n_trained: int) -> SuggestionCounts:
        """Suggestions by outcome, over all drivers of the study."""
        return SuggestionCounts.of(self.trials, n_trained=n_trained)

    def write_off(self, numbers: Sequence[int]) -> None:
        """Mark suggestions whose outcome in Optuna is no longer that of a trial."""
        if numbers:
            self._study.set_user_attr(LOST, sorted({*self.lost, *numbers}))

    def queue(self, point: Point, marks: Mapping[str, bool | str] | None = None) -> None:
        """Queue ``point`` as the next suggestion."""
        self._study.enqueue_trial(point, user_attrs=dict(marks or {}))

    def ask(self) -> tuple[optuna.Trial, Candidate]:
        """The next suggestion: the point in the queue, else one of the sampler's."""
        suggestion = self._study.ask()
        self._open[suggestion.number] = suggestion
        return suggestion, self._config.space.choose(OptunaChooser(suggestion))

    def ask_again(self, record: TrialRecord, point: Point) -> int:
        """Number of a new suggestion of ``point``, that of the failed or stopped trial ``record``.

        Suggestions that took the trial's end as their outcome are written off, as they cannot
        take another one; so is the trial's own if it was stopped.
        """
        over = [
            trial.number for trial in self.trials if trial.user_attrs.get(REPEATED) == record.id
        ]
        if record.state == "stopped" and record.optuna_number is not None:
            over.append(record.optuna_number)
        self.write_off(over)
        self._study.enqueue_trial(point, user_attrs={RETRIED: record.id})
        suggestion, _ = self.ask()
        return suggestion.number

    def refuse(self, suggestion: optuna.Trial, refusal: OutOfBounds) -> None:
        """End the suggestion in Optuna as out of bounds, with its excess as a constraint."""
        suggestion.set_user_attr(OUT_OF_BOUNDS, str(refusal))
        suggestion.set_constraint("bounds", refusal.excess)
        self._pass_over(suggestion)

    def discard(self, suggestion: optuna.Trial, reason: str) -> None:
        """End the suggestion in Optuna as discarded by the proxy."""
        suggestion.set_user_attr(DISCARDED, reason)
        self._pass_over(suggestion)

    def repeat(self, suggestion: optuna.Trial, trained: TrialRecord) -> None:
        """Give a repeated suggestion the outcome of its trial, now or when that ends."""
        suggestion.set_user_attr(REPEATED, trained.id)
        if trained.state == "running":
            self._waiting[trained.id].append(suggestion.number)
        else:
            self._tell(suggestion.number, trained)

    def end(self, record: TrialRecord) -> None:
        """Report the outcome of a trial, and of the suggestions that waited for it, to Optuna."""
        for number in (record.optuna_number, *self._waiting.pop(record.id, [])):
            if number is not None:
                self._tell(number, record)

    def settle(self, records: Sequence[TrialRecord]) -> None:
        """End the suggestions that an earlier driver left open, except those of running trials."""
        for _ in self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            self._study.tell(self._study.ask(), state=TrialState.FAIL)  # queued, but never asked
        by_id = {record.id: record for record in records}
        by_number = {record.optuna_number: record for record in records}
        for trial in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            self._open[trial.number] = open_again(self._study, trial)
            repeated = trial.user_attrs.get(REPEATED)
            record = by_number.get(trial.number) if repeated is None else by_id.get(repeated)
            if record is None:  # no trial was recorded, or it was lost
                self._study.tell(self._open.pop(trial.number), state=TrialState.FAIL)
            elif record.state != "running":
                self._tell(trial.number, record)
            elif repeated is not None:
                self._waiting[repeated].append(trial.number)

    def tell_earlier(self, earlier: Sequence[EarlierTrial]) -> None:
        """Give Optuna the outcomes of other studies' trials that it does not have yet."""
        completed = self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        names = {trial.user_attrs.get(EARLIER) for trial in completed}
        for trial in earlier:
            if trial.name not in names:
                self._study.enqueue_trial(trial.point, user_attrs={EARLIER: trial.name})
                suggestion, _ = self.ask()
                self._tell(suggestion.number, trial.record)

    def _pass_over(self, suggestion: optuna.Trial) -> None:
        """End a suggestion that is not trained."""
        del self._open[suggestion.number]
        is_pareto = self._config.objective.is_pareto  # where Optuna has no pruning
        self._study.tell(suggestion, state=TrialState.FAIL if is_pareto else TrialState.PRUNED)

    def _tell(self, number: int, record: TrialRecord) -> None:
        """Give the Optuna trial ``number`` the outcome, the curve and the layout of ``record``."""
        if number not in self._open:
            return  # an earlier driver reported it and crashed before it recorded that
        trial = self._open.pop(number)
        objective = self._config.objective
        if record.best_score is not None and objective.min_score is not None:
            shortfall = score_shortfall(objective, record.best_score, self._records())
            # Not known yet counts as kept: samplers take a missing constraint for a broken one.
            trial.set_constraint("bounds", 0.0 if shortfall is None else shortfall)
        state, values = outcome_of(record)
        for name, value in attributes_of(record).items():
            trial.set_user_attr(name, value)
        if not objective.is_pareto:  # with several objectives Optuna takes no curve
            for n_points, point in enumerate(record.curve, start=1):
                trial.report(record.so_far(n_points)[1], point.updates)
        self._study.tell(trial, values, state=state)
