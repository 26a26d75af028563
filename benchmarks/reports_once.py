"""A trainable that costs nothing: it reports one made-up point and is done."""

from __future__ import annotations

import random
from typing import Any

from ray import tune

from spaces.counts import ParamCounts
from trainable.config import TrialConfig
from trainable.curve import Point
from trainable.trial_result import trial_result

_COUNTS = ParamCounts(total=1_000_000, learned=1_000_000, stored=1_000_000, encoder=1_000_000)


class ReportsOnce(tune.Trainable):  # type: ignore[misc]
    """Reports what ``ReservoirTrial`` would at the end of a budget."""

    def setup(self, config: dict[str, Any]) -> None:
        self._trial = TrialConfig.model_validate(config["trial"])

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.setup(new_config)
        return True

    def step(self) -> dict[str, Any]:
        horizon = self._trial.horizon
        point = Point(
            updates=round(horizon),
            seconds=1.0,
            tokens=1000,
            flops=1e9,
            score=30 * random.Random(str(self._trial.model.encoder)).random(),
            loss=5.0,
            train_loss=5.0,
        )
        return trial_result(
            [point],
            area=point.score * horizon / 2,
            objective=self._trial.objective,
            counts=_COUNTS,
            finished=True,
            n_epochs=1.0,
            peak_memory_bytes=2**30,
        )

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """There is nothing to keep."""

    def load_checkpoint(self, checkpoint_dir: str) -> None:
        """There is nothing to go on from."""
