"""Predictions over the features of layouts and their settings, from the trials so far."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from search.study.trained_candidate import candidate_of
from search.study.trial_record import TrialRecord
from search.suggest.surrogate_gp import Array, GaussianProcess
from search.suggest.surrogate_target import Seen
from spaces.candidate import Candidate
from spaces.features import features
from spaces.space import SearchSpace


class SurrogateModel:
    """Gaussian processes over the candidates of a space."""

    def __init__(self, space: SearchSpace) -> None:
        self._space = space

    def predict(
        self,
        seen: Seen,
        candidates: Sequence[Candidate],
        running: Sequence[TrialRecord] = (),
    ) -> tuple[Array, Array]:
        """Mean and standard deviation of the value of each candidate.

        Args:
            seen: at least one trial with its value and the value's standard error.
            candidates: of the space.
            running: trials without a value yet, which count at their predicted mean (Ginsbourger,
                Le Riche and Carraro 2010, "kriging believer").
        """
        known = [self._candidate(record) for record, _, _ in seen]
        begun = [self._candidate(record) for record in running]
        inputs = self._inputs([*known, *begun, *candidates])
        n_seen, n_known = len(known), len(known) + len(begun)
        values, errors = (np.array([row[i] for row in seen]) for i in (1, 2))
        process = GaussianProcess.fit(inputs[:n_seen], values, errors)
        if begun:
            believed, _ = process.predict(inputs[n_seen:n_known])
            values, errors = np.append(values, believed), np.append(errors, 0.0 * believed)
            process = GaussianProcess.fit(inputs[:n_known], values, errors)
        return process.predict(inputs[n_known:])

    def _candidate(self, record: TrialRecord) -> Candidate:
        return candidate_of(record.config, self._space)

    def _inputs(self, candidates: Sequence[Candidate]) -> Array:
        """Features of shape (candidates, features), each divided by its standard deviation.

        Constant ones are left out.
        """
        table = np.array([features(candidate, self._space) for candidate in candidates])
        table = table[:, np.ptp(table, axis=0) > 0]
        return table / table.std(axis=0) if table.size else np.zeros((len(candidates), 1))
