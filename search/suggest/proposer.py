"""Interface of a search algorithm, ours or a user's: history in, next point out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from search.study.trial_record import TrialRecord
from spaces.candidate import Candidate
from spaces.candidate_size import CandidateSize
from spaces.chooser import Point
from spaces.space import SearchSpace
from trainable.config import ObjectiveConfig

# "trained" also before the trial has ended; "earlier": by a study of search.warm_start.
Outcome = Literal["trained", "repeated", "out_of_bounds", "discarded", "earlier"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """The search problem that a proposer is constructed with."""

    space: SearchSpace
    objective: ObjectiveConfig
    horizon: float  # end of the area under the curve, on the objective's clock
    seed: int
    size_of: Callable[[Candidate], CandidateSize | None]  # None where it must not be trained
    # The score that min_score asks for; None without it, and before Model 0's is known.
    least_score: Callable[[], float | None] = lambda: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggested:
    """A point that was suggested before, and its outcome as it stands now.

    Its trial has a ``state`` (``running``, ``completed``, ``stopped``, ``failed``), a
    ``curve``, the ``aucc`` and the ``objective`` so far (None before the first validation) and
    ``counts`` of parameters. A repeated point has the trial that was made of the earlier one.
    """

    point: Point
    candidate: Candidate
    outcome: Outcome
    trial: TrialRecord | None = None  # None where it was out of bounds or discarded


class Proposer(Protocol):
    """A search algorithm; constructed with a ``Problem`` alone.

    It must answer from its problem and the history alone: a search that was interrupted goes
    on with a new proposer, in another process.
    """

    def propose(self, history: Sequence[Suggested]) -> Point | None:
        """The next point of the space to try; None when there is none left.

        A point that was tried before takes the known trial's value, and one out of the study's
        bounds is not trained; both are in the history of the next call, with their outcomes.

        Args:
            history: all suggestions so far, in order; those of earlier studies first.

        Returns:
            The answer to each question that the space asks, by the question's name.
        """
