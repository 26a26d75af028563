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
    """A trained layout with its scores on the whole evaluation sets."""

    record: TrialRecord
    config: TrialConfig
    task: Task
    curve: tuple[Point, ...]  # curve of the training that gave the weights
    trained_in_full: bool
    valid: Scores
    test: Scores
    verdict: str | None = None  # on its reservoirs, against the same layout without them

    @property
    def n_updates(self) -> int:
        """Update of the exported weights: the best point of the curve."""
        return best_point(self.curve).updates
