"""Trials of a search: suggestions of its algorithm, each model trained at most once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import optuna
from optuna.trial import FrozenTrial

from search.study.bounds import least_score
from search.study.config import StudyConfig
from search.study.first_layouts import first_name, first_point
from search.study.ledger import Ledger, n_unbegun
from search.study.trial_record import Role, TrialRecord
from search.suggest.algorithms import (
    NEVER_REPEATS,
    SETTING,
    algorithm_sampler,
    make_proposer,
    problem_of,
)
from search.suggest.bounds import Bounds, OutOfBounds
from search.suggest.earlier_studies import EarlierTrial
from search.suggest.grid import next_untried
from search.suggest.history import History
from search.suggest.proposer import Problem, Proposer, Suggested
from search.suggest.proxy import Measured, Proxy, Verdict
from search.suggest.remainder import Remainder
from search.suggest.suggestion_counts import SuggestionCounts
from search.suggest.suggestion_journal import SuggestionJournal
from search.suggest.suggestion_marks import AUDITED, DISCARDED, FIRST, PROXY, REFERENCE
from search.suggest.suggestions import refuse_lost
from search.suggest.trial_source import NextTrial, TrialSource
from spaces.candidate import Candidate
from spaces.candidate_size import CandidateSize
from spaces.chooser import FixedChooser, NotingChooser, Point, SpaceError
from spaces.errors import UserError
from trainable.config import TrialConfig

logger = logging.getLogger(__name__)

MAX_ENUMERATED = 20_000  # spaces up to this size are searched to the last layout
# Suggestions in a row that gave no new trial (known, out of bounds or discarded) before the
# points not yet tried are enumerated.
MAX_REPEATS = 20
MAX_FRUITLESS = 500  # suggestions in a row that no trial came of: the search ends


class StudyTrials(TrialSource):
    """Trials of ``search.first``, then of the study's algorithm; ``open`` makes one.

    A suggestion whose candidate has a trial takes that trial's value; if the trial is still
    running, the suggestion waits for it.
    """

    def __init__(
        self,
        config: StudyConfig,
        ledger: Ledger,
        journal: SuggestionJournal,
        bounds: Bounds,
        problem: Problem,
        *,
        metric: str,
        proposer: Proposer | None,
        earlier: Sequence[EarlierTrial] = (),
        proxy: Proxy | None = None,
    ) -> None:
        self._config = config
        self._ledger = ledger
        self._journal = journal
        self._bounds = bounds
        self._metric = metric
        self._proxy = proxy
        self._problem = problem
        self._proposer = proposer
        self._rest = Remainder(problem, can_enumerate=self._can_enumerate)
        self._history = History(config.space, ledger, earlier)
        self._first = self._first_points()
        self._n_repeats = 0
        self.last_refusal: str | None = None  # why a candidate was out of bounds

    @classmethod
    def open(
        cls,
        config: StudyConfig,
        ledger: Ledger,
        *,
        optuna_log: Path,
        data: str,
        size: Callable[[TrialConfig], CandidateSize],
        metric: str,
        earlier: Sequence[EarlierTrial] = (),
        proxy: Proxy | None = None,
    ) -> Self:
        """Open Optuna's journal, settle what an earlier driver left, and tell it of ``earlier``.

        Args:
            config: the study.
            ledger: its trials.
            optuna_log: Optuna's journal, begun where there is none.
            data: the prepared data that trials train on.
            size: of a trial's model.
            metric: the name of the scores.
            earlier: completed trials of other studies, to learn from.
            proxy: keeps some suggestions from training.

        Raises:
            UserError: a user's own algorithm is not there, or the journal is damaged.
        """
        bounds = Bounds(config, data=data, size=size)
        problem = problem_of(
            config, bounds.size_of, lambda: least_score(config.objective, ledger.records)
        )
        proposer = make_proposer(problem, config.search.algorithm)
        journal = SuggestionJournal.open(config, optuna_log, lambda: ledger.records)
        refuse_lost(journal.trials, journal.lost, ledger.records, optuna_log)
        trials = cls(
            config,
            ledger,
            journal,
            bounds,
            problem,
            metric=metric,
            proposer=proposer,
            earlier=earlier,
            proxy=proxy,
        )
        # A resumed study must not draw the same points again.
        journal.sample_by(algorithm_sampler(config, seed=config.seed + len(journal.trials)))
        trials._recall_measures()
        journal.settle(ledger.records)
        journal.tell_earlier(earlier)
        return trials

    @property
    def suggestions(self) -> Sequence[FrozenTrial]:
        """All suggestions so far, as Optuna has them."""
        return self._journal.trials

    def counts(self) -> SuggestionCounts:
        """Suggestions by outcome, over all drivers of the study."""
        return self._journal.counts(n_trained=self._ledger.n_trained)

    def next_trial(self) -> NextTrial:
        """The first suggestion that nobody has trained."""
        if self._ledger.n_searched >= self._config.search.n_trials:
            return "never"
        for _ in range(MAX_FRUITLESS):
            if not self._queue_point():
                return "never"
            suggestion, candidate = self._journal.ask()
            trained = self._ledger.find(candidate.key)
            if trained is not None:
                self._n_repeats += 1
                self._journal.repeat(suggestion, trained)
                continue
            record = self._make_record(suggestion, candidate)
            if record is not None:
                self._n_repeats = 0
                return record
        logger.warning("%d suggestions without a new layout: the search ends", MAX_FRUITLESS)
        return "never"

    def n_to_come(self) -> int:
        return n_unbegun(self._config, self._ledger.records)

    def end(self, record: TrialRecord, result: Mapping[str, Any]) -> None:
        self._journal.end(record)

    def retry(self, ids: Collection[int]) -> None:
        """Have failed or stopped trials trained again from their start, as new suggestions.

        Optuna's outcomes are final, so what became of them stays with the old suggestion.
        """
        for id_ in ids:
            record, number = self._ledger[id_], None
            if record.is_of_the_space:
                point = self._history.point_of(record, self._journal.trials)
                number = self._journal.ask_again(record, point)
            self._ledger.put(record.begun_again(number))

    def reference(self, candidate: Candidate, role: Role) -> TrialRecord:
        """A trial of ``candidate`` beside the search; a suggestion if the study may train it.

        Raises:
            OutOfBounds: the candidate's settings do not fit each other.
        """
        config, size = self._bounds.sized(candidate)
        point, number = self._point_of(candidate), None
        if point is not None:
            self._journal.queue(point, {REFERENCE: role})
            suggestion, candidate = self._journal.ask()
            number = suggestion.number
        return TrialRecord(
            id=self._ledger.next_id,
            key=candidate.key,
            layout=candidate.encoder,
            config=config,
            counts=size.counts,
            optuna_number=number,
            metric=self._metric,
            reference=role,
        )

    def _point_of(self, candidate: Candidate) -> Point | None:
        """Point of the space for a candidate within the bounds; None if there is none."""
        try:
            self._bounds.check(candidate)
            return self._config.space.encode(candidate)
        except (OutOfBounds, SpaceError):
            return None

    def _queue_point(self) -> bool:
        """Queue a point, unless Optuna's sampler answers next; False when none is left."""
        first = next(self._first, None)
        if first is not None:
            self._journal.queue(first, {FIRST: True})
            return True
        if self._journal.is_stopped and not self._has_rest:
            return False
        proposer = self._rest if self._is_stuck else self._proposer
        if proposer is None:
            return True
        point = proposer.propose(self._suggested())
        if point is None and self._config.space.where and not self._can_enumerate:
            point = self._rest.propose(self._suggested())
        if point is not None:
            self._journal.queue(self._of_the_space(point))
        return point is not None

    @property
    def _is_stuck(self) -> bool:
        """True if the algorithm gives nothing new, and points can be had without it."""
        if self._config.search.algorithm in NEVER_REPEATS:
            return False
        repeats = self._n_repeats >= MAX_REPEATS or self._journal.is_stopped
        return repeats and self._has_rest

    @property
    def _has_rest(self) -> bool:
        return self._can_enumerate or bool(self._config.space.where)

    @cached_property
    def _can_enumerate(self) -> bool:
        n_points = self._config.space.n_points()
        return n_points is not None and n_points <= MAX_ENUMERATED

    def _suggested(self) -> list[Suggested]:
        return self._history.suggested(self._journal.trials)

    def _of_the_space(self, point: Point) -> Point:
        """The point in the space's own values, without answers that are not asked for.

        Raises:
            UserError: it is not in the space.
        """
        chooser = NotingChooser(point)
        try:
            self._config.space.choose(chooser)
        except SpaceError as error:
            algorithm = self._config.search.algorithm
            raise UserError(
                f"{SETTING} '{algorithm}': propose() gave a point outside the space: {error}"
            ) from error
        return chooser.point

    def _first_points(self) -> Iterator[Point]:
        """The untried points of ``search.first``; a warning for each that must not be trained."""
        for first in self._config.search.first:
            point = first_point(first, self._config.space)
            try:
                self._bounds.check(self._config.space.choose(FixedChooser(point)))
            except OutOfBounds as refusal:
                logger.warning("search.first '%s' is not trained: %s", first_name(first), refusal)
                continue
            untried = next_untried(iter([point]), self._suggested(), self._problem)
            if untried is not None:
                yield untried

    def _make_record(self, suggestion: optuna.Trial, candidate: Candidate) -> TrialRecord | None:
        """The new trial; None, with the reason in Optuna, if it must not be trained."""
        try:
            config, size = self._bounds.check(candidate)
        except OutOfBounds as refusal:
            self._n_repeats += 1
            self.last_refusal = str(refusal)
            self._journal.refuse(suggestion, refusal)
            return None
        measured = self._measure(suggestion, candidate, config)
        if measured is not None and measured.verdict == "discarded":
            return None
        return TrialRecord(
            id=self._ledger.next_id,
            key=candidate.key,
            layout=candidate.encoder,
            config=config,
            counts=size.counts,
            optuna_number=suggestion.number,
            metric=self._metric,
            proxy=None if measured is None else measured.value,
        )

    def _measure(
        self, suggestion: optuna.Trial, candidate: Candidate, config: TrialConfig
    ) -> Measured | None:
        """Measurement by the proxy, if there is one; a discard is recorded in Optuna."""
        if self._proxy is None:
            return None
        measured = self._proxy.find(candidate.key)
        if measured is None:
            is_first = FIRST in suggestion.user_attrs
            measured = self._proxy.judge(config, key=candidate.key, always_keep=is_first)
            if measured is None:
                return None
            note = {"value": measured.value, "seconds": measured.seconds}
            suggestion.set_user_attr(PROXY, note)
        if measured.verdict == "audited":
            suggestion.set_user_attr(AUDITED, True)
        if measured.verdict == "discarded":
            self._n_repeats += 1
            self._journal.discard(suggestion, self._proxy.reason(measured))
        return measured

    def _recall_measures(self) -> None:
        """Give the proxy the measurements of earlier drivers."""
        if self._proxy is None:
            return
        for trial in self._journal.trials:
            if PROXY in trial.user_attrs:
                key = self._config.space.choose(FixedChooser(trial.params)).key
                verdict: Verdict = "kept"
                if AUDITED in trial.user_attrs:
                    verdict = "audited"
                elif DISCARDED in trial.user_attrs:
                    verdict = "discarded"
                measured = Measured(key=key, verdict=verdict, **trial.user_attrs[PROXY])
                self._proxy.remember(measured)
