"""An update asks the GPU for nothing, so the host can be ahead of it.

Tensors of the device `meta` have a shape and no values: whoever looks at one fails, as
whoever looks at a GPU's has to wait.
"""

from __future__ import annotations

from unittest.mock import Mock

import pytest
import torch

from trainable.auto_freeze import AutoFreeze
from trainable.collate import inputs_on_device
from trainable.config import ModelConfig, TrainConfig, TrialConfig
from trainable.decoding import encode
from trainable.device import to_device
from trainable.fixed_greedy import _Steps
from trainable.ranks import Ranks
from trainable.training import Training

META = torch.device("meta")


def update_on_meta(trial: TrialConfig, encoder: str) -> None:
    """One update of a training on the device ``META``."""
    trial = trial.model_copy(
        update={
            "model": ModelConfig(encoder=encoder, decoder="LR", d_model=16, ffn=32, heads=2),
            "train": TrainConfig(batch_tokens=256, precision="fp32", layer_drop=0.3, accumulate=2),
        }
    )
    training = Training(trial, ranks=Ranks())
    training._device = META
    training._model.to(META)
    training._loss_sum = training._loss_sum.to(META)
    training._auto_freeze = AutoFreeze(training._model.encoder.layers, quantile=0.5)
    # The fused Adam does not take such tensors; on a GPU it keeps even the step's number there.
    training._optimizer = torch.optim.SGD(training._model.parameters())
    training._update(next(training.task.updates(trial.train, seed=1, skip=0)))
    assert training._loss_sum.device == META


@pytest.mark.parametrize("encoder", ["LL", "R1LR1L", "LF", "LC", "Lf1Rf1Lf1Rf1"])
def test_an_update_looks_at_no_value(tiny_trial: TrialConfig, encoder: str):
    update_on_meta(tiny_trial, encoder)


def test_a_gru_has_to_know_the_lengths_of_its_sentences(tiny_trial: TrialConfig):
    with pytest.raises(NotImplementedError, match="meta"):
        update_on_meta(tiny_trial, "GLG")


def test_a_gpu_copies_from_memory_that_stays_in_its_place_and_nobody_waits():
    tensor, gpu = Mock(), torch.device("cuda")
    copied = to_device(tensor, gpu)
    tensor.pin_memory.assert_called_once_with()
    tensor.pin_memory.return_value.to.assert_called_once_with(gpu, non_blocking=True)
    assert copied is tensor.pin_memory.return_value.to.return_value


def test_a_step_of_greedy_decoding_looks_at_no_value(tiny_trial: TrialConfig):
    training = Training(tiny_trial, ranks=Ranks())
    model = training._model.eval().to(META)
    batch = next(training.task.updates(tiny_trial.train, seed=1, skip=0))
    inputs = inputs_on_device(batch.collate(batch.indices), META)
    with torch.no_grad():
        _Steps(model, encode(model, inputs), 5).take()
