"""Training rates, ours and fairseq's, each measured in a process of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.fairseq_arguments import transformer_arguments
from benchmarks.processes import run_module
from trainable.config import TrialConfig

SECONDS = 600.0  # time-out of a process

_INNER = re.compile(r"\| train_inner \| (\{.*\})")  # a line of --log-format json


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Rates and memory of training in a new process."""

    tokens_per_s: float  # target tokens, ends of sentences included, after the first turns
    updates_per_s: float  # likewise
    first_updates_per_s: float  # of the first turns, by the training's own clock
    outside_s: float  # seconds of the process outside that clock: imports, data, warm-up
    peak_memory_bytes: int  # resident; on a GPU, allocated by torch there


def our_rate(config: TrialConfig, *, n_first: int = 1) -> Rate:
    """Rates of our own training loop; the first ``n_first`` intervals have a rate of their own."""
    ended = run_module("benchmarks.our_training", [config.model_dump_json()], seconds=SECONDS)
    result = json.loads(ended.last_line)
    on_gpu = config.ranks.gpus_per_rank > 0
    return our_rate_from(
        result["points"],
        n_first=n_first,
        process_s=ended.seconds,
        peak_memory_bytes=result["gpu_bytes"] if on_gpu else ended.peak_memory_bytes,
    )


def our_rate_from(
    points: Sequence[tuple[int, int, float]],
    *,
    n_first: int,
    process_s: float,
    peak_memory_bytes: int,
) -> Rate:
    """Rates by the points of a curve: updates, tokens and seconds since its start."""
    first_updates, first_tokens, first_s = points[n_first - 1]
    updates, tokens, seconds = points[-1]
    return Rate(
        tokens_per_s=(tokens - first_tokens) / (seconds - first_s),
        updates_per_s=(updates - first_updates) / (seconds - first_s),
        first_updates_per_s=first_updates / first_s,
        outside_s=process_s - seconds,
        peak_memory_bytes=peak_memory_bytes,
    )


def fairseq_rate(config: TrialConfig, *, n_first: int) -> Rate:
    """Rates of ``fairseq-train`` with its own ``transformer`` of the same sizes."""
    ended = run_module("fairseq_cli.train", transformer_arguments(config), seconds=SECONDS)
    lines = [json.loads(found) for found in _INNER.findall(ended.output)]
    on_gpu = "gb_free" in lines[0]
    return fairseq_rate_from(
        lines,
        interval=config.validation.interval_updates,
        n_first=n_first,
        process_s=ended.seconds,
        peak_memory_bytes=_gpu_bytes(lines) if on_gpu else ended.peak_memory_bytes,
    )


def fairseq_rate_from(
    lines: Sequence[Mapping[str, str]],
    *,
    interval: int,
    n_first: int,
    process_s: float,
    peak_memory_bytes: int,
) -> Rate:
    """Rates by fairseq's log lines of ``interval`` updates each.

    Its meter starts with the end of the very first update, which it therefore leaves out.
    """
    tokens = [interval * float(line["wpb"]) for line in lines]
    seconds = [interval * float(line["wpb"]) / float(line["wps"]) for line in lines]
    after_s = sum(seconds[n_first:])
    return Rate(
        tokens_per_s=sum(tokens[n_first:]) / after_s,
        updates_per_s=interval * len(lines[n_first:]) / after_s,
        first_updates_per_s=interval * n_first / sum(seconds[:n_first]),
        outside_s=process_s - sum(seconds),
        peak_memory_bytes=peak_memory_bytes,
    )


def _gpu_bytes(lines: Sequence[Mapping[str, str]]) -> int:
    """Peak memory of fairseq's torch in bytes, from the free GPU memory that it logs in GiB."""
    import torch

    total = torch.cuda.get_device_properties(0).total_memory
    return total - round(min(float(line["gb_free"]) for line in lines) * 2**30)
