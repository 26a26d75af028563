"""History of a study's suggestions, the argument of ``Proposer.propose``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from optuna.trial import FrozenTrial

from search.study.ledger import Ledger
from search.study.trained_candidate import candidate_of
from search.study.trial_record import TrialRecord
from search.suggest.earlier_studies import EarlierTrial
from search.suggest.proposer import Outcome, Suggested
from search.suggest.suggestion_marks import DISCARDED, OUT_OF_BOUNDS, REPEATED
from spaces.candidate import Candidate
from spaces.chooser import FixedChooser, Point
from spaces.space import SearchSpace


class History:
    """Joins Optuna's suggestions with the trials that were made of them."""

    def __init__(
        self, space: SearchSpace, ledger: Ledger, earlier: Sequence[EarlierTrial] = ()
    ) -> None:
        self._space = space
        self._ledger = ledger
        self._earlier = tuple(earlier)
        self._candidates: dict[int, tuple[Point, Candidate]] = {}  # cache by Optuna's number

    def suggested(self, trials: Sequence[FrozenTrial]) -> list[Suggested]:
        """Trials of earlier studies, then the study's own suggestions in their order.

        A suggestion whose driver ended before a trial was made of it is left out: nothing is
        known of its outcome, and it is suggested again.

        Args:
            trials: all trials of Optuna's study.
        """
        by_number = {trial.number: trial for trial in trials}
        own = {
            record.optuna_number: self._trained(record, by_number.get(record.optuna_number))
            for record in self._ledger.records
            if record.optuna_number is not None
        }
        passed_over = {trial.number: self._passed_over(trial) for trial in trials}
        others = {n: each for n, each in passed_over.items() if each is not None and n not in own}
        return [
            *self._from_earlier,
            *(each for _, each in sorted({**own, **others}.items())),
        ]

    def point_of(self, record: TrialRecord, trials: Sequence[FrozenTrial]) -> Point:
        """Point of the suggestion behind ``record``, among all ``trials`` of Optuna's study."""
        by_number = {trial.number: trial for trial in trials}
        assert record.optuna_number is not None
        return self._trained(record, by_number.get(record.optuna_number)).point

    def _trained(self, record: TrialRecord, trial: FrozenTrial | None) -> Suggested:
        """The suggestion behind ``record``; where Optuna lost it, a point of the same candidate."""
        number = record.optuna_number
        assert number is not None
        if number not in self._candidates:
            candidate = candidate_of(record.config, self._space)
            point = self._space.encode(candidate) if trial is None else dict(trial.params)
            self._candidates[number] = point, candidate
        point, candidate = self._candidates[number]
        return Suggested(point=point, candidate=candidate, outcome="trained", trial=record)

    def _passed_over(self, trial: FrozenTrial) -> Suggested | None:
        outcome = _outcome(trial)
        if outcome is None:
            return None
        if trial.number not in self._candidates:
            point: Point = dict(trial.params)
            self._candidates[trial.number] = point, self._space.choose(FixedChooser(point))
        point, candidate = self._candidates[trial.number]
        is_repeated = outcome == "repeated"
        record = self._ledger.find(candidate.key) if is_repeated else None
        return Suggested(point=point, candidate=candidate, outcome=outcome, trial=record)

    @cached_property
    def _from_earlier(self) -> list[Suggested]:
        return [
            Suggested(
                point=trial.point,
                candidate=candidate_of(trial.record.config, self._space),
                outcome="earlier",
                trial=trial.record,
            )
            for trial in self._earlier
        ]


def _outcome(trial: FrozenTrial) -> Outcome | None:
    marks: dict[str, Outcome] = {
        REPEATED: "repeated",
        OUT_OF_BOUNDS: "out_of_bounds",
        DISCARDED: "discarded",
    }
    return next((marks[mark] for mark in marks if mark in trial.user_attrs), None)
