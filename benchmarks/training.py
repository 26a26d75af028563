"""Training: tokens and updates a second, memory, and how near to the device's limit.

Ours against `fairseq-train` on the same data, sizes, batches and threads, for the paper's
Models 0 to 4: the small size on the CPU, the paper's on a GPU where there is one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks.alternate import alternate
from benchmarks.command import Options, run
from benchmarks.corpora import data_for, described
from benchmarks.machine import machine
from benchmarks.matrix_products import Limits, measure_limits
from benchmarks.models import (
    BATCH_TOKENS,
    DECODER,
    MODELS,
    SMALL,
    Size,
    is_fast_at_bf16,
    sizes,
    trial,
)
from benchmarks.rates import Rate, fairseq_rate, our_rate
from benchmarks.result import Report, Row, Table
from benchmarks.spread import Spread, ratio
from spaces.presets import PRESETS
from trainable.config import TrialConfig
from trainable.model_size import training_flops_per_token
from trainable.tasks.registry import load_task

N_ROUNDS = 4
FAIRSEQ = "fairseq-train, transformer"
IN_BF16 = ("model0", "model4")  # on a CPU that multiplies it faster
IN_SECONDS = ("model0", "model4")  # in a given time


def measure(options: Options) -> Report:
    """One table for each size."""
    chosen = sizes(options.device)
    data = {size: options.data or data_for(size) for size in chosen}
    return Report(
        name=options.name("training"),
        title="Training",
        header={
            **machine(),
            "data": "; ".join(described(folder) for folder in dict.fromkeys(data.values())),
            "model": f"8 encoder layers, decoder {DECODER}, dropout 0.1, label smoothing 0.1",
            "update": f"{BATCH_TOKENS} tokens, Adam (0.9, 0.98), clip norm 1",
            "measured": f"{options.rounds(N_ROUNDS)}, each in a new process, after its first turns",
        },
        tables=[_table(size, data[size], options) for size in chosen],
        notes=[
            "tokens are target tokens, ends of sentences included and padding not",
            (
                "fairseq has no reservoirs: for Models 1 to 4 its rate is that of Model 0, "
                "the Transformer that it would train instead"
            ),
            (
                "first: the updates with which a process begins, by the training's own clock; "
                "outside: what the process took besides, as imports, data and warm-up. fairseq's "
                "clock begins after its first update"
            ),
            (
                "an epoch is about as many batches of ours as of fairseq's: ours by target, then "
                "source lengths, fairseq's the other way round; on a CPU the updates of a round "
                "are as many as an epoch has"
            ),
            "on a GPU ours are CUDA graphs of compiled layers, as in a trial of 3,000 updates",
            "on a GPU fairseq trains in fp16 with a process that loads data, its fastest way",
            "the rows in bf16 are against fairseq in fp32, which is how it trains on a CPU",
            "memory is the process's resident memory at its peak; on a GPU, what torch held of it",
            (
                "the limits are matrix products alone, the fastest over all rounds: in the shapes "
                "of these models, and of large squares; FLOPs are by spaces/flops.py, padding not "
                "counted"
            ),
        ],
    )


def _table(size: Size, data: Path, options: Options) -> Table:
    models = MODELS if options.seconds is None else IN_SECONDS
    n_turns = size.n_first + size.n_turns
    trials = {model: trial(model, size, data, n_turns=n_turns) for model in models}
    if size is SMALL and is_fast_at_bf16():
        bf16 = replace(size, precision="bf16")
        trials |= {f"{m}, bf16": trial(m, bf16, data, n_turns=n_turns) for m in IN_BF16}
    measured: list[Limits] = []  # in every round: what a machine can do changes with its other work
    rates = alternate(
        {
            FAIRSEQ: partial(fairseq_rate, trials[MODELS[0]], n_first=size.n_first),
            **{
                model: partial(our_rate, config, n_first=size.n_first)
                for model, config in trials.items()
            },
        },
        n_rounds=N_ROUNDS,
        seconds=options.seconds,
        before_round=lambda: measured.append(_limits(size, trials[MODELS[0]])),
    )
    limits = Limits.highest(measured)
    n_updates = size.turn * size.n_turns
    return Table(
        caption=f"{size}; {n_updates} updates a round after the first "
        f"{size.turn * size.n_first}; limits: {limits.in_use / 1e9:.1f} GFLOP/s "
        f"in the shapes in use, {limits.square / 1e9:.1f} of squares",
        rows=_rows(trials, rates, limits),
    )


def _limits(size: Size, config: TrialConfig) -> Limits:
    depth = PRESETS[MODELS[0]].depth + DECODER.depth
    dims = load_task(config.data).dimensions(config.model)
    return measure_limits(size, dims, depth=depth, n_tokens=BATCH_TOKENS)


def _rows(
    trials: Mapping[str, TrialConfig], rates: Mapping[str, Sequence[Rate]], limits: Limits
) -> list[Row]:
    theirs = rates[FAIRSEQ]
    rows = [_row(FAIRSEQ, trials[MODELS[0]], theirs, theirs, limits)]
    rows += [_row(model, config, rates[model], theirs, limits) for model, config in trials.items()]
    return rows


def _row(
    name: str, config: TrialConfig, ours: Sequence[Rate], theirs: Sequence[Rate], limits: Limits
) -> Row:
    flops = training_flops_per_token(config.model, config.train, load_task(config.data))
    tokens = [rate.tokens_per_s for rate in ours]
    reached = Spread.of(tokens).median * flops
    return {
        "": name,
        "encoder": str(config.model.encoder),
        "tokens/s": Spread.of(tokens),
        "updates/s": Spread.of(rate.updates_per_s for rate in ours),
        "× fairseq": ratio(tokens, [rate.tokens_per_s for rate in theirs]),
        "first, updates/s": Spread.of(rate.first_updates_per_s for rate in ours),
        "first, × fairseq": ratio(
            [rate.first_updates_per_s for rate in ours],
            [rate.first_updates_per_s for rate in theirs],
        ),
        "outside, s": Spread.of(rate.outside_s for rate in ours),
        "GFLOP/s": reached / 1e9,
        "% of the shapes' limit": 100 * reached / limits.in_use,
        "% of the squares' limit": 100 * reached / limits.square,
        "memory, MiB": Spread.of(rate.peak_memory_bytes / 2**20 for rate in ours).median,
    }


if __name__ == "__main__":
    run(measure, __doc__, on_devices=True)
