"""A layout with trained weights and its scores, before it is written to a folder."""

from __future__ import annotations

from dataclasses import dataclass

from search.study.trial_record import TrialRecord
from trainable.aucc import best_point
from trainable.config import TrialConfig
from trainable.curve import Point
from trainable.tasks.task import Scores, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A layout with weights, and how good it is on the whole evaluation sets."""

    record: TrialRecord
    config: TrialConfig
    task: Task
    curve: tuple[Point, ...]  # of the training that the weights are from
    trained_in_full: bool
    valid: Scores
    test: Scores

    @property
    def n_updates(self) -> int:
        """The update that the weights are of: the best on the validation set."""
        return best_point(self.curve).updates
