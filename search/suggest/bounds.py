"""Bounds on candidates that are checked before training."""

from __future__ import annotations

from collections.abc import Callable

from search.study.bounds import size_excess
from search.study.config import StudyConfig
from spaces.candidate import Candidate
from spaces.candidate_size import CandidateSize
from spaces.errors import UserError
from trainable.config import TrialConfig
from trainable.objective import mparams


class OutOfBounds(Exception):
    """A candidate that must not be trained.

    ``excess`` is in millions of parameters over ``max_mparams``; 1.0 where the candidate's
    settings do not fit each other, or ``space.where`` forbids it.
    """

    def __init__(self, reason: str, *, excess: float) -> None:
        super().__init__(reason)
        self.excess = excess


class Bounds:
    """The bounds of a study's candidates that are known before training.

    Args:
        data: the prepared data that trials train on.
        size: of a trial's model.
    """

    def __init__(
        self, config: StudyConfig, *, data: str, size: Callable[[TrialConfig], CandidateSize]
    ) -> None:
        self._config = config
        self._data = data
        self._size = size

    def size_of(self, candidate: Candidate) -> CandidateSize | None:
        """The candidate's size; None where it must not be trained."""
        try:
            _, size = self.check(candidate)
        except OutOfBounds:
            return None
        return size

    def check(self, candidate: Candidate) -> tuple[TrialConfig, CandidateSize]:
        """The candidate's trial and its size.

        Raises:
            OutOfBounds: its settings do not fit each other, ``space.where`` forbids it, or it
                is too large.
        """
        config, size = self.sized(candidate)
        if refusal := self._config.space.refusal(candidate, size.counts):
            raise OutOfBounds(refusal, excess=1.0)
        objective = self._config.objective
        n_mparams = mparams(size.counts, objective.parameters)
        excess = size_excess(objective, n_mparams)
        if excess is not None and excess > 0:
            reason = f"{n_mparams:.3f} M parameters are over max_mparams {objective.max_mparams}"
            raise OutOfBounds(reason, excess=excess)
        return config, size

    def sized(self, candidate: Candidate) -> tuple[TrialConfig, CandidateSize]:
        """The candidate's trial and its size, however large it is.

        Raises:
            OutOfBounds: its settings do not fit each other.
        """
        try:
            config = self._config.trial(candidate, data=self._data)
            return config, self._size(config)
        except UserError as error:
            raise OutOfBounds(str(error), excess=1.0) from error
