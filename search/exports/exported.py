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

    @property
    def further_test(self) -> dict[str, float]:
        """Test scores by the task's further metrics."""
        return {
            metric.name: metric.score(self.test.outputs, self.task.references("test"))
            for metric in self.task.further_metrics
        }

    @property
    def n_updates(self) -> int:
        """Update of the exported weights: the best point of the curve."""
        return best_point(self.curve).updates
