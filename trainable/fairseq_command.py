"""The ``fairseq-train`` command line that trains as a trial does."""

from __future__ import annotations

from pathlib import Path

from trainable.config import TrialConfig
from trainable.tasks.task import Task

USER_DIR = str(Path(__file__).parent)


def fairseq_train_arguments(config: TrialConfig, task: Task, *, n_updates: int) -> list[str]:
    """Arguments of ``fairseq-train``: the data folder, then the options.

    ``--user-dir`` is this package. fairseq's ``--max-tokens`` is per forward pass, so
    ``--max-tokens`` times ``--update-freq`` equals our ``batch_tokens``.

    Args:
        n_updates: number of updates if the budget has none: fairseq has no other limit.
    """
    train = config.train
    options = {
        "--user-dir": USER_DIR,
        **task.fairseq_options(train),
        "--optimizer": "adam",
        "--adam-betas": "(0.9, 0.98)",
        "--weight-decay": train.weight_decay,
        "--lr": train.lr,
        "--lr-scheduler": "inverse_sqrt",
        "--warmup-updates": train.warmup_updates,
        "--warmup-init-lr": 0.0,
        "--clip-norm": 0.0 if train.clip_norm is None else train.clip_norm,
        "--max-tokens": train.batch_tokens // train.accumulate,
        "--update-freq": train.accumulate,
        "--required-batch-size-multiple": 1,  # with a larger value fairseq drops sentences
        "--max-update": config.budget.updates or n_updates,
        "--seed": config.seed,
    }
    words = [word for option in options.items() for word in (option[0], str(option[1]))]
    return [str(task.folder), *words, *task.fairseq_model(config.model, seed=config.seed)]
