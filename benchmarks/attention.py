"""Attention by length: seconds of an encoder layer with Performer's, Linformer's and softmax's.

Each does an update's forward and backward pass over as many tokens; the turns alternate.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from time import perf_counter

import torch
from torch import nn

from benchmarks.alternate import alternate
from benchmarks.command import Options, run
from benchmarks.machine import N_THREADS, machine
from benchmarks.result import Report, Row, Table
from benchmarks.spread import Spread, ratio
from trainable.config import ModelConfig
from trainable.layers.linformer import LengthProjection, LinformerAttention
from trainable.models.encoder import build_encoder_layer
from trainable.models.options import fairseq_options, transformer_config
from trainable.reservoirs.random_features import draw_all_features

LENGTHS = (64, 128, 256, 512, 1024, 2048)
N_TOKENS = 2048  # of an update, the same at all lengths
N_ROUNDS = 5
BASE = "softmax"
SIZES = {
    "small, d_model 128": ModelConfig(d_model=128, ffn=256, heads=4),
    "the paper's, d_model 512": ModelConfig(d_model=512, ffn=1024, heads=4),
}


def measure(options: Options) -> Report:
    """One table for each size."""
    torch.set_num_threads(N_THREADS)
    return Report(
        name=options.name("attention"),
        title="Attention by length",
        header={
            **machine(),
            "update": f"{N_TOKENS} tokens through one L, forward and backward, fp32, no dropout",
            "measured": f"{options.rounds(N_ROUNDS)}, after one that warms up",
        },
        tables=[_table(name, config, options) for name, config in SIZES.items()],
        notes=[
            (
                "performer: 64 features a head; linformer: projected to 32 positions. ms: of an "
                "update; gain: softmax's time over theirs in the same round, above 1 where they pay"
            ),
        ],
    )


def _table(name: str, config: ModelConfig, options: Options) -> Table:
    return Table(caption=name, rows=[_row(config, length, options) for length in LENGTHS])


def _row(config: ModelConfig, length: int, options: Options) -> Row:
    ways = (BASE, "performer", "linformer")
    times = alternate(
        {way: _update(config.model_copy(update={"attention": way}), length) for way in ways},
        n_rounds=N_ROUNDS,
        n_warm_up=1,
        seconds=options.seconds,
    )
    row: dict[str, Spread | float] = {"length": length, "softmax, ms": Spread.of(times[BASE])}
    for way in ways[1:]:
        row[f"{way}, ms"] = Spread.of(times[way])
        row[f"{way}, gain"] = ratio(times[BASE], times[way])
    return row


def _update(config: ModelConfig, length: int) -> Callable[[], float]:
    """A function that does a layer's passes over the tokens; their milliseconds."""
    layer = _layer(config)
    x = torch.randn(length, N_TOKENS // length, config.d_model, requires_grad=True)
    padding = torch.zeros(N_TOKENS // length, length, dtype=torch.bool)

    def update() -> float:
        start = perf_counter()
        layer(x, padding).sum().backward()
        return 1e3 * (perf_counter() - start)

    return update


def _layer(config: ModelConfig) -> nn.Module:
    options = dataclasses.replace(fairseq_options(config, seed=1), dropout=0.0)
    layer = build_encoder_layer("L", transformer_config(options))
    draw_all_features([layer], seed=1)
    for module in layer.modules():
        if isinstance(module, LinformerAttention):  # our models' have half as many positions
            module.length_projection = LengthProjection(
                config.attention_length, max(LENGTHS), shared=False
            )
    return layer


if __name__ == "__main__":
    run(measure, __doc__)
