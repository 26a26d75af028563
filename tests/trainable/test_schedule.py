from __future__ import annotations

import pytest
from fairseq.optim.lr_scheduler.inverse_square_root_schedule import (
    InverseSquareRootLRScheduleConfig,
    InverseSquareRootSchedule,
)

from trainable.schedule import inverse_square_root


class Optimizer:
    """Stub of fairseq's optimizer for its learning rate schedule."""

    lr = 0.0

    def set_lr(self, lr: float) -> None:
        self.lr = lr

    def get_lr(self) -> float:
        return self.lr


@pytest.mark.parametrize("update", [1, 50, 99, 100, 101, 400])
def test_the_learning_rate_is_fairseqs_own(update: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(
        "fairseq.optim.lr_scheduler.fairseq_lr_scheduler.FairseqOptimizer", Optimizer
    )
    config = InverseSquareRootLRScheduleConfig(warmup_updates=100, warmup_init_lr=0.0, lr=[3e-3])
    theirs = InverseSquareRootSchedule(config, Optimizer())
    assert inverse_square_root(update, lr=3e-3, warmup_updates=100) == pytest.approx(
        theirs.step_update(update)
    )
