"""References beside a search: Model 0 before its trials, and the winner's deletion after them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from search.study.config import StudyConfig
from search.study.ledger import Ledger
from search.study.references import model0_candidates, winners_deletion
from search.study.trial_record import Role, TrialRecord
from search.suggest.bounds import OutOfBounds
from search.suggest.study_trials import StudyTrials
from search.suggest.trial_source import NextTrial, TrialSource
from spaces.candidate import Candidate

logger = logging.getLogger(__name__)


class ReferenceTrials(TrialSource):
    """Trials of a search, with Model 0 before them and the winner's deletion at the end.

    What to train follows from the ledger alone, so that a search which was interrupted goes on.
    """

    def __init__(self, config: StudyConfig, ledger: Ledger, trials: StudyTrials) -> None:
        self._config = config
        self._ledger = ledger
        self._trials = trials
        self._model0s = model0_candidates(config)
        self._refused: set[str] = set()  # keys of candidates whose settings do not fit
        self._begun_again: set[int] = set()  # ids of stopped trials
        self._search_is_over = False

    def next_trial(self) -> NextTrial:
        """Model 0 at each depth, then the search's trials, then the deletion of the best.

        A deletion that the space has may win itself; then its own is next.
        """
        for candidate in self._model0s:
            if (record := self._missing(candidate, "model0")) is not None:
                return record
        found = self._trials.next_trial()
        self._search_is_over = found == "never"
        if found != "never":
            return found
        if any(record.state == "running" for record in self._ledger.records):
            return "later"  # it may become the best
        deletion = winners_deletion(self._config, self._ledger.records)
        record = None if deletion is None else self._missing(deletion, "deletion")
        return "never" if record is None else record

    def n_to_come(self) -> int:
        """Those of the search, the Model 0s, and a deletion of whatever leads by then."""
        n_model0s = sum(self._is_to_come(candidate) for candidate in self._model0s)
        n_searched = 0 if self._search_is_over else self._trials.n_to_come()
        return n_searched + n_model0s + self._deletion_is_to_come()

    def _deletion_is_to_come(self) -> bool:
        deletion = winners_deletion(self._config, self._ledger.records)
        if deletion is not None:
            return self._is_to_come(deletion)
        is_running = any(record.state == "running" for record in self._ledger.records)
        return self._space_has_reservoirs and (is_running or not self._search_is_over)

    def _is_to_come(self, candidate: Candidate) -> bool:
        return self._ledger.find(candidate.key) is None and candidate.key not in self._refused

    @cached_property
    def _space_has_reservoirs(self) -> bool:
        stacks = (self._config.space.encoder_stack, self._config.space.decoder_stack)
        return any(n_with_reservoirs for _, n_with_reservoirs in (s.n_points() for s in stacks))

    def observe(self, record: TrialRecord, result: Mapping[str, Any]) -> None:
        self._trials.observe(record, result)

    def end(self, record: TrialRecord, result: Mapping[str, Any]) -> None:
        self._trials.end(record, result)

    def is_reference(self, record: TrialRecord) -> bool:
        """True if the trial is compared with, whoever suggested it: it needs its whole curve."""
        if record.reference is not None:
            return True
        deletion = winners_deletion(self._config, self._ledger.records)
        keys = {candidate.key for candidate in self._model0s}
        return record.key in keys or (deletion is not None and record.key == deletion.key)

    def _missing(self, candidate: Candidate, role: Role) -> TrialRecord | None:
        """A trial of the reference; None if there is one, unless it was stopped early."""
        known = self._ledger.find(candidate.key)
        if known is not None and known.state == "stopped" and known.id not in self._begun_again:
            self._begun_again.add(known.id)
            self._trials.retry([known.id])
            return self._ledger[known.id]
        if known is not None or candidate.key in self._refused:
            return None
        try:
            return self._trials.reference(candidate, role)
        except OutOfBounds as refusal:
            self._refused.add(candidate.key)
            layout = candidate.encoder.canonical()
            logger.warning("reference %s (%s) is not trained: %s", layout, role, refusal)
            return None
