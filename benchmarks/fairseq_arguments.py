"""The ``fairseq-train`` command line of fairseq's own Transformer for one of our trials."""

from __future__ import annotations

from trainable.config import TrialConfig
from trainable.fairseq_command import fairseq_train_arguments
from trainable.tasks.registry import load_task

# What only our plug-in knows.
_OURS = (
    "--user-dir",
    "--arch",
    "--encoder-layout",
    "--decoder-layout",
    "--reservoir-seed",
    "--reservoir-gain",
    "--reservoir-draw",
    "--reservoir-density",
    "--reservoir-backward",
    "--reservoir-dropout",
    "--attention",
    "--attention-features",
    "--attention-length",
    "--attention-sharing",
)


def transformer_arguments(config: TrialConfig) -> list[str]:
    """``--arch transformer`` of the trial's depths, with the same sizes, batches and updates.

    A layout without reservoirs is the same model; of one with reservoirs, it is the model
    that fairseq would train instead.
    """
    updates = config.budget.updates
    assert updates is not None
    on_gpu = config.ranks.gpus_per_rank > 0
    data, *options = fairseq_train_arguments(config, load_task(config.data), n_updates=updates)
    for name in _OURS:
        place = options.index(name)
        del options[place : place + 2]
    return [
        data,
        *options,
        *("--arch", "transformer"),
        *("--encoder-layers", str(config.model.encoder.depth)),
        *("--decoder-layers", str(config.model.decoder.depth)),
        *("--log-format", "json", "--log-interval", str(config.validation.interval_updates)),
        *("--disable-validation", "--no-save"),
        # A loader process helps a GPU; on the CPU it would take a core from the training.
        *("--num-workers", "1" if on_gpu else "0"),
        *("--distributed-world-size", "1"),  # one GPU, however many there are
        *(("--fp16",) if on_gpu else ("--cpu",)),  # its --bf16 ends in an error
    ]
