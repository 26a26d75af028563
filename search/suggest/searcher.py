"""Optuna behind Ray Tune's searcher, so that no model is ever trained twice."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import TrialState
from ray.tune.search import Searcher

from search.study.bounds import score_shortfall
from search.study.config import StudyConfig
from search.study.first_layouts import first_point
from search.study.ledger import Ledger
from search.study.trial_record import TrialRecord
from search.suggest.bounds import Bounds, OutOfBounds
from search.suggest.earlier_studies import EarlierTrial
from search.suggest.optuna_study import OptunaChooser, optuna_study
from search.suggest.outcome import outcome_of
from search.suggest.proxy import Measured, Proxy, Verdict
from search.suggest.stateless_searcher import StatelessSearcher
from search.suggest.suggestion_counts import SuggestionCounts
from search.suggest.suggestion_marks import (
    AUDITED,
    DISCARDED,
    EARLIER,
    FIRST,
    KNOWN,
    LOST,
    OUT_OF_BOUNDS,
    PROXY,
)
from search.suggest.surrogate import Surrogate
from spaces.candidate_size import CandidateSize
from spaces.space import Candidate, FixedChooser, Point
from trainable.config import TrialConfig
from trainable.private.optuna import open_again

logger = logging.getLogger(__name__)

MAX_ENUMERATED = 20_000  # spaces up to this size are searched to the last layout
MAX_REPEATS = 20  # known suggestions in a row before a new layout is drawn from the rest
MAX_FRUITLESS = 500  # suggestions in a row that no trial came of: the search ends


class StudySearcher(StatelessSearcher):
    """Hands out interrupted trials first, then ``search.first``, then new ones of Optuna's.

    A suggestion whose candidate is known takes the known value; one whose twin is
    running waits for it. Optuna's own study, in its own storage, is all the state there
    is, so nothing is lost with Tune's experiment state.
    """

    def __init__(
        self,
        config: StudyConfig,
        ledger: Ledger,
        *,
        optuna_log: Path,
        data: str,
        size: Callable[[TrialConfig], CandidateSize],
        metric: str,
        n_concurrent: Callable[[], int],
        resume_from: Callable[[TrialRecord], str | None],
        earlier: Sequence[EarlierTrial] = (),
        proxy: Proxy | None = None,
    ) -> None:
        super().__init__()
        self._config = config
        self._ledger = ledger
        self._metric = metric
        self._bounds = Bounds(config, data=data, size=size)
        self._n_concurrent = n_concurrent
        self._resume_from = resume_from
        self._proxy = proxy
        self._study = optuna_study(config, optuna_log)
        self._open: dict[int, optuna.Trial] = {}  # by Optuna's number, until told
        self._interrupted = [r for r in ledger.records if r.state == "running"]
        self._live: dict[str, int] = {}  # Tune's trial id to ours
        self._twins: dict[int, list[int]] = defaultdict(list)  # ours to Optuna's numbers
        self._n_repeats = 0
        self.last_refusal: str | None = None  # why a candidate was out of bounds
        self._first = self._first_points()
        self._unseen: Iterator[Point] | None = None
        self._surrogate: Surrogate | None = None
        if config.search.algorithm == "surrogate":
            self._surrogate = Surrogate(
                config, self._bounds.size_of, [trial.record for trial in earlier]
            )
        self._recall_measures()
        self._settle_leftovers()
        self._tell_earlier(earlier)

    def counts(self) -> SuggestionCounts:
        """What became of the suggestions so far, over all drivers of the study."""
        trials = self._study.get_trials(deepcopy=False)
        return SuggestionCounts.of(trials, n_trained=len(self._ledger))

    def write_off(self, numbers: Sequence[int]) -> None:
        """Note that these suggestions have an outcome whose trial is no longer known."""
        if numbers:
            lost = [*self._study.user_attrs.get(LOST, ()), *numbers]
            self._study.set_user_attr(LOST, sorted(set(lost)))

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """The next trial to run, None to be asked again later, or FINISHED."""
        if len(self._live) >= self._n_concurrent():
            return None
        resume_from = None
        if self._interrupted:
            record = self._interrupted.pop(0)
            resume_from = self._resume_from(record)
        elif len(self._ledger) >= self._config.search.n_trials:
            return str(Searcher.FINISHED)
        else:
            found = self._new_trial()
            if found is None:
                return str(Searcher.FINISHED)
            record = found
        self._live[trial_id] = record.id
        return {
            "id": record.id,
            "trial": record.config.model_dump(mode="json"),
            "resume_from": resume_from,
        }

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Nothing to do: the whole curve comes with the last result."""

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Tell Optuna what a trial and the suggestions that waited for it came to.

        Written down first: what Optuna was told once can't be changed. Tune tells us of an
        end before the recorder, which knows why a process died.
        """
        id_ = self._live.pop(trial_id)
        if error:
            self._ledger.update(id_, state="failed", reason="its process died")
        record = self._ledger.write_down(id_)
        for number in (record.optuna_number, *self._twins.pop(record.id, [])):
            self._tell(number, record)

    def _new_trial(self) -> TrialRecord | None:
        """The first suggestion that nobody has trained; None when there is none left."""
        for _ in range(MAX_FRUITLESS):
            if not self._enqueue_point():
                return None
            suggestion = self._study.ask()
            self._open[suggestion.number] = suggestion
            candidate = self._config.space.choose(OptunaChooser(suggestion))
            known = self._ledger.find(candidate.key)
            if known is not None:
                self._reuse(suggestion, known)
                continue
            record = self._make_record(suggestion, candidate)
            if record is not None:
                self._n_repeats = 0
                self._ledger.put(record)
                return record
        logger.warning("%d suggestions without a new layout: the search ends", MAX_FRUITLESS)
        return None

    def _enqueue_point(self) -> bool:
        """Queue an untried point where Optuna must not choose freely; False at the end."""
        if self._enqueue_untried(self._first, {FIRST: True}):
            return True
        if self._surrogate is not None:
            point = self._surrogate.propose(self._ledger.records, self._discarded)
            if point is not None:
                self._study.enqueue_trial(point)
            return point is not None
        if self._config.search.algorithm != "grid" and self._n_repeats < MAX_REPEATS:
            return True
        if self._unseen is None:
            size = self._config.space.size()
            if size is None or (size > MAX_ENUMERATED and self._config.search.algorithm != "grid"):
                return True
            self._unseen = self._config.space.points()
        return self._enqueue_untried(self._unseen)

    def _enqueue_untried(
        self, points: Iterator[Point], marks: Mapping[str, bool] | None = None
    ) -> bool:
        """Queue the next of ``points`` that was not trained and may be; False after the last."""
        for point in points:
            candidate = self._config.space.choose(FixedChooser(point))
            if candidate.key in self._discarded or self._ledger.find(candidate.key) is not None:
                continue
            if self._bounds.size_of(candidate) is not None:
                self._study.enqueue_trial(point, user_attrs=dict(marks or {}))
                return True
        return False

    @property
    def _discarded(self) -> frozenset[str]:
        """The keys of the candidates that the proxy keeps from training."""
        return frozenset() if self._proxy is None else self._proxy.discarded

    def _first_points(self) -> Iterator[Point]:
        """The points of ``search.first``; of those that must not be trained it is told why."""
        for text in self._config.search.first:
            point = first_point(text, self._config.space)
            try:
                self._bounds.check(self._config.space.choose(FixedChooser(point)))
            except OutOfBounds as refusal:
                logger.warning("search.first '%s' is not trained: %s", text, refusal)
            else:
                yield point

    def _make_record(self, suggestion: optuna.Trial, candidate: Candidate) -> TrialRecord | None:
        """The new trial, or None (and Optuna is told why) where it must not be trained."""
        try:
            config, size = self._bounds.check(candidate)
        except OutOfBounds as refusal:
            self._refuse(suggestion, refusal)
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
        """What the proxy says, if there is one; of a discarded suggestion Optuna is told."""
        if self._proxy is None:
            return None
        measured = self._proxy.known(candidate.key)
        if measured is None:
            is_wanted = FIRST in suggestion.user_attrs
            measured = self._proxy.judge(config, key=candidate.key, is_wanted=is_wanted)
            if measured is None:
                return None
            note = {"value": measured.value, "seconds": measured.seconds}
            suggestion.set_user_attr(PROXY, note)
        if measured.verdict == "audited":
            suggestion.set_user_attr(AUDITED, True)
        if measured.verdict == "discarded":
            self._n_repeats += 1
            suggestion.set_user_attr(DISCARDED, self._proxy.reason(measured))
            self._pass_over(suggestion)
        return measured

    def _refuse(self, suggestion: optuna.Trial, refusal: OutOfBounds) -> None:
        """Tell Optuna how far the suggestion is beyond a bound."""
        self._n_repeats += 1
        self.last_refusal = str(refusal)
        suggestion.set_user_attr(OUT_OF_BOUNDS, str(refusal))
        suggestion.set_constraint("bounds", refusal.excess)
        self._pass_over(suggestion)

    def _pass_over(self, suggestion: optuna.Trial) -> None:
        """End a suggestion of which no trial came."""
        del self._open[suggestion.number]
        state = TrialState.FAIL if self._several_objectives else TrialState.PRUNED
        self._study.tell(suggestion, state=state)

    def _reuse(self, suggestion: optuna.Trial, known: TrialRecord) -> None:
        self._n_repeats += 1
        suggestion.set_user_attr(KNOWN, known.id)
        if known.state == "running":
            self._twins[known.id].append(suggestion.number)
        else:
            self._tell(suggestion.number, known)

    def _tell(self, number: int, record: TrialRecord) -> None:
        """Give the Optuna trial ``number`` the outcome of ``record``; if pruned, with its curve."""
        if number not in self._open:
            return  # told by an earlier driver, which crashed before it could write that down
        trial = self._open.pop(number)
        if record.best_score is not None:
            shortfall = score_shortfall(self._config.objective, record.best_score)
            if shortfall is not None:
                trial.set_constraint("bounds", shortfall)
        state, values = outcome_of(record)
        if state is TrialState.PRUNED:
            for n_points, point in enumerate(record.curve, start=1):
                _, objective = record.so_far(n_points)
                trial.report(objective, point.updates)
        self._study.tell(trial, values, state=state)

    @property
    def _several_objectives(self) -> bool:
        return self._config.objective.name == "pareto"

    def _recall_measures(self) -> None:
        """Tell the proxy what earlier drivers measured."""
        if self._proxy is None:
            return
        for trial in self._study.get_trials(deepcopy=False):
            if PROXY in trial.user_attrs:
                key = self._config.space.choose(FixedChooser(trial.params)).key
                verdict: Verdict = "kept"
                if AUDITED in trial.user_attrs:
                    verdict = "audited"
                elif DISCARDED in trial.user_attrs:
                    verdict = "discarded"
                measured = Measured(key=key, verdict=verdict, **trial.user_attrs[PROXY])
                self._proxy.remember(measured)

    def _settle_leftovers(self) -> None:
        """End what an earlier driver left open in Optuna, but for trials that go on."""
        for _ in self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            self._study.tell(self._study.ask(), state=TrialState.FAIL)  # queued, but never asked
        by_id: Mapping[int, TrialRecord] = {r.id: r for r in self._ledger.records}
        by_number: Mapping[int, TrialRecord] = {r.optuna_number: r for r in self._ledger.records}
        for trial in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            self._open[trial.number] = open_again(self._study, trial)
            known = trial.user_attrs.get(KNOWN)
            record = by_number.get(trial.number) if known is None else by_id.get(known)
            if record is None:  # asked, but never written down, or its trial was lost
                self._study.tell(self._open.pop(trial.number), state=TrialState.FAIL)
            elif record.state != "running":
                self._tell(trial.number, record)
            elif known is not None:
                self._twins[known].append(trial.number)

    def _tell_earlier(self, earlier: Sequence[EarlierTrial]) -> None:
        """Give Optuna the outcomes of other studies' trials that it does not have yet."""
        told = {
            trial.user_attrs.get(EARLIER)
            for trial in self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        }
        for trial in earlier:
            if trial.name in told:
                continue
            self._study.enqueue_trial(trial.point, user_attrs={EARLIER: trial.name})
            suggestion = self._study.ask()
            self._open[suggestion.number] = suggestion
            self._config.space.choose(OptunaChooser(suggestion))
            self._tell(suggestion.number, trial.record)
