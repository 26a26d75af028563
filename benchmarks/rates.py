"""Training rates, ours and fairseq's, each measured in a process of its own."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from benchmarks.fairseq_arguments import transformer_arguments
from benchmarks.processes import run_module
from trainable.config import TrialConfig

SECONDS = 600.0  # time-out of a process

_INNER = re.compile(r"\| train_inner \| (\{.*\})")  # a line of --log-format json


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Rate and memory of training, over the updates after the first interval (warm-up)."""

    tokens_per_s: float  # target tokens, ends of sentences included
    updates_per_s: float
    peak_memory_bytes: int  # resident; on a GPU, allocated by torch there


def our_rate(config: TrialConfig) -> Rate:
    """Rate of our own training loop."""
    ended = run_module("benchmarks.our_training", [config.model_dump_json()], seconds=SECONDS)
    result = json.loads(ended.last_line)
    on_gpu = config.ranks.gpus_per_rank > 0
    return Rate(
        tokens_per_s=result["tokens"] / result["seconds"],
        updates_per_s=result["updates"] / result["seconds"],
        peak_memory_bytes=result["gpu_bytes"] if on_gpu else ended.peak_memory_bytes,
    )


def fairseq_rate(config: TrialConfig) -> Rate:
    """Rate of ``fairseq-train`` with its own ``transformer`` of the same sizes."""
    ended = run_module("fairseq_cli.train", transformer_arguments(config), seconds=SECONDS)
    lines = [json.loads(found) for found in _INNER.findall(ended.output)]
    interval = config.validation.interval_updates
    measured = lines[1:]
    n_updates = interval * len(measured)
    n_tokens = sum(interval * float(line["wpb"]) for line in measured)
    seconds = sum(interval * float(line["wpb"]) / float(line["wps"]) for line in measured)
    return Rate(
        tokens_per_s=n_tokens / seconds,
        updates_per_s=n_updates / seconds,
        peak_memory_bytes=_gpu_bytes(lines) if "gb_free" in lines[0] else ended.peak_memory_bytes,
    )


def _gpu_bytes(lines: list[dict[str, str]]) -> int:
    """Peak memory of fairseq's torch in bytes, from the free GPU memory that it logs in GiB."""
    import torch

    total = torch.cuda.get_device_properties(0).total_memory
    return total - round(min(float(line["gb_free"]) for line in lines) * 2**30)
