from __future__ import annotations

import pytest
import torch
from fairseq.criterions.label_smoothed_cross_entropy import label_smoothed_nll_loss

from trainable.loss import PADDING, label_smoothed_loss


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1, 0.3])
def test_the_loss_is_fairseqs_own(label_smoothing: float):
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(3, 5, 11, generator=generator)
    target = torch.randint(2, 11, (3, 5), generator=generator)
    target[1, 3:] = PADDING
    log_probabilities = torch.log_softmax(logits, dim=-1).view(-1, 11)
    theirs, _ = label_smoothed_nll_loss(
        log_probabilities, target.view(-1), label_smoothing, ignore_index=PADDING
    )
    assert label_smoothed_loss(logits, target, label_smoothing).item() == pytest.approx(
        theirs.item(), rel=1e-6
    )
