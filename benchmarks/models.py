"""The paper's Models 0 to 4 as trials of the benchmarks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from benchmarks.machine import N_THREADS, SEED
from spaces.layout import Layout
from spaces.presets import PRESETS
from trainable.config import (
    Budget,
    ModelConfig,
    RanksConfig,
    TrainConfig,
    TrialConfig,
    ValidationConfig,
)

Device = Literal["cpu", "cuda"]

MODELS = ("model0", "model1", "model2", "model3", "model4")
DECODER = Layout.parse("LL")
BATCH_TOKENS = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Dimensions, and the device and precision that they are trained with."""

    name: str
    d_model: int
    ffn: int
    heads: int
    precision: Literal["fp32", "bf16"]
    gpus: float
    turn: int  # updates between two readings of the clock: about two seconds
    n_first: int  # first turns of a new process, whose rate is a column of its own
    n_turns: int  # turns of a process after those

    @property
    def device(self) -> torch.device:
        return torch.device("cuda" if self.gpus else "cpu")

    def __str__(self) -> str:
        return (
            f"{self.name} (d_model {self.d_model}, ffn {self.ffn}, {self.heads} heads), "
            f"{self.precision} on {self.device.type.upper()}"
        )


SMALL = Size(
    name="small size",
    d_model=128,
    ffn=256,
    heads=4,
    precision="fp32",
    gpus=0.0,
    turn=4,
    n_first=1,
    n_turns=10,  # an epoch of the made-up data, whose batches have 342 to 4,095 target tokens
)
PAPER = Size(
    name="the paper's size",
    d_model=512,
    ffn=1024,
    heads=4,
    precision="bf16",
    gpus=1.0,
    turn=40,
    n_first=10,
    n_turns=3,
)


def sizes(device: Device | None = None) -> tuple[Size, ...]:
    """Model sizes that this machine trains within the time of a benchmark, on ``device``."""
    on_gpu = device == "cuda" or (device is None and torch.cuda.is_available())
    return (*((SMALL,) if device != "cuda" else ()), *((PAPER,) if on_gpu else ()))


def is_fast_at_bf16() -> bool:
    """True if the CPU has instructions for products of bf16."""
    has = torch.cpu.get_capabilities()
    return bool(has.get("avx512_bf16") or has.get("amx_bf16"))


def trial(model: str, size: Size, data: Path, *, n_turns: int) -> TrialConfig:
    """Training of one of the ``MODELS`` that pauses after each turn.

    The stops are validations of a single sentence, which the clock of updates leaves out.
    """
    return TrialConfig(
        data=str(data.resolve()),
        seed=SEED,
        model=ModelConfig(
            encoder=PRESETS[model],
            decoder=DECODER,
            d_model=size.d_model,
            ffn=size.ffn,
            heads=size.heads,
            dropout=0.1,
        ),
        train=TrainConfig(
            label_smoothing=0.1, batch_tokens=BATCH_TOKENS, clip_norm=1.0, precision=size.precision
        ),
        validation=ValidationConfig(interval_updates=size.turn, n_sentences=1),
        budget=Budget(updates=size.turn * n_turns),
        ranks=RanksConfig(cpus_per_rank=N_THREADS, gpus_per_rank=size.gpus),
    )
