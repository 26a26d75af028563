"""Validation: sentences a second against `fairseq-generate`, and its share of a trial.

A model is trained first, with the default settings or on a GPU at the paper's size, so that
its hypotheses end by themselves; both then translate the whole validation set with the same
weights, batches and length limits.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from benchmarks.alternate import alternate
from benchmarks.command import Options, run
from benchmarks.corpora import grammar_data
from benchmarks.machine import N_THREADS, SEED, machine
from benchmarks.models import BATCH_TOKENS, Size, sizes, trial
from benchmarks.processes import run_module
from benchmarks.result import Report, Row, Table
from benchmarks.spread import Spread, ratio
from trainable.checkpoint import load_learned_weights
from trainable.config import Budget, RanksConfig, TrialConfig
from trainable.decoding import QUICK_LIMIT
from trainable.device import autocast_dtype, training_device
from trainable.fairseq_checkpoint import fairseq_checkpoint
from trainable.fairseq_command import USER_DIR, fairseq_train_arguments
from trainable.models.reservoir_transformer import ReservoirTransformer
from trainable.ranks import Ranks
from trainable.tasks import decoded_set
from trainable.tasks.decoded_set import DECODING_TOKENS, DecodedSet
from trainable.tasks.translation import Translation
from trainable.training import Training

N_UPDATES = 500  # two validations at the default interval
N_ROUNDS = 3
BEAMS = (1, 5)
LR_ON_GPU = 1e-3  # the default, 3e-3, is for a model a quarter as wide
SECONDS = 600.0  # time-out of fairseq-generate

_TRANSLATED = re.compile(r"\(([\d.]+) sentences/s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """The model after its training, and as a file for fairseq."""

    config: TrialConfig
    model: ReservoirTransformer
    checkpoint: Path
    bleu: float
    share: float  # share of the training's wall time spent in validations


def measure(options: Options) -> Report:
    """Rates at each beam, and the share of a trial."""
    data = options.data or grammar_data()
    torch.set_num_threads(N_THREADS)
    with tempfile.TemporaryDirectory() as folder:
        trained = _train(_trial(data, sizes(options.device)[-1]), Path(folder))
        rows = [_row(trained, beam, options) for beam in BEAMS]
    corpus = Translation.open(trained.config.data).corpus
    model, interval = trained.config.model, trained.config.validation.interval_updates
    return Report(
        name=options.name("validation"),
        title="Validation",
        header={
            **machine(),
            "data": f"{corpus.manifest.corpus}, {len(corpus.split('valid'))} sentences of valid",
            "model": f"encoder {model.encoder}, decoder {model.decoder}, d_model {model.d_model}, "
            f"BLEU {trained.bleu:.1f} after {N_UPDATES} updates",
            "measured": f"{options.rounds(N_ROUNDS)}, without start-up",
        },
        tables=[
            Table(caption="Sentences a second", rows=rows),
            Table(
                caption="Share of a trial's wall time, start-up left out; the goal is under 10 %",
                rows=[{"interval, updates": interval, "share, %": 100 * trained.share}],
            ),
        ],
        notes=[
            "a validation: translations, their BLEU, and the loss; as in a trial, on a GPU in bf16",
            (
                "decoding: encoder and search, up to the tokens; fairseq-generate's is of the same "
                "model through our plug-in, by its own clock, on a GPU in fp16"
            ),
            "with a beam, ours is fairseq's generator; a validation's default is 1",
        ],
    )


def _trial(data: Path, size: Size) -> TrialConfig:
    """Training of the default model; on a GPU of the paper's Model 0 at its size."""
    config = TrialConfig(
        data=str(data.resolve()),
        seed=SEED,
        budget=Budget(updates=N_UPDATES),
        ranks=RanksConfig(cpus_per_rank=N_THREADS),
    )
    if not size.gpus:
        return config
    large = trial("model0", size, data, n_turns=1)
    train = config.train.model_copy(update={"lr": LR_ON_GPU, "batch_tokens": BATCH_TOKENS})
    return config.model_copy(update={"model": large.model, "train": train, "ranks": large.ranks})


def _train(config: TrialConfig, folder: Path) -> Trained:
    training = Training(config, ranks=Ranks())
    start = time.perf_counter()
    *_, last = training.points()
    share = 1 - last.seconds / (time.perf_counter() - start)
    task = Translation.open(config.data)
    model = task.build_model(config.model, seed=config.seed)
    load_learned_weights(model, training.checkpoint().weights)
    arguments = fairseq_train_arguments(config, task, n_updates=N_UPDATES)
    checkpoint = folder / "checkpoint.pt"
    torch.save(fairseq_checkpoint(model, arguments=arguments, n_updates=N_UPDATES), checkpoint)
    return Trained(
        config=config,
        model=model.to(training_device(config.ranks.gpus_per_rank)),
        checkpoint=checkpoint,
        bleu=last.score,
        share=share,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rate:
    """Sentences a second."""

    decoding: float  # encoder and search
    validation: float | None = None  # with BLEU and loss


def _row(trained: Trained, beam: int, options: Options) -> Row:
    runs: dict[str, Callable[[], _Rate]] = {
        "ours": _Ours(trained, beam),
        "fairseq": partial(_fairseq, trained, beam),
    }
    seconds = None if options.seconds is None else options.seconds / len(BEAMS)
    rates = alternate(runs, n_rounds=N_ROUNDS, seconds=seconds)
    decoding = {name: [rate.decoding for rate in measured] for name, measured in rates.items()}
    return {
        "beam": beam,
        "a validation": Spread.of(rate.validation or 0.0 for rate in rates["ours"]),
        "decoding, ours": Spread.of(decoding["ours"]),
        "decoding, fairseq-generate": Spread.of(decoding["fairseq"]),
        "× fairseq": ratio(decoding["ours"], decoding["fairseq"]),
    }


class _Ours:
    """Our validation, each call of which measures it once."""

    def __init__(self, trained: Trained, beam: int) -> None:
        config = trained.config
        task = Translation.open(config.data)
        self._model = trained.model
        self._n_sentences = len(task.corpus.split("valid"))
        self._device = training_device(config.ranks.gpus_per_rank)
        on_gpu = self._device.type == "cuda"
        self._valid = DecodedSet(
            task.corpus,
            "valid",
            metric=task.metric,
            n_sentences=None,
            beam=beam,
            limit=QUICK_LIMIT,
            label_smoothing=config.train.label_smoothing,
            ranks=Ranks(),
            device=self._device,
            autocast=autocast_dtype(config.train.precision, self._device) if on_gpu else None,
        )
        self._decoding_s = 0.0
        # With a beam the generator runs the encoder again, and what went before is for the loss.
        self._timed = ("encode", "decode") if beam == 1 else ("decode",)

    def __call__(self) -> _Rate:
        self._decoding_s = 0.0
        with contextlib.ExitStack() as patches:
            for name in self._timed:
                timed = self._timing(getattr(decoded_set, name))
                patches.enter_context(mock.patch.object(decoded_set, name, timed))
            start = self._now()
            self._valid.measure(self._model)
            seconds = self._now() - start
        return _Rate(
            decoding=self._n_sentences / self._decoding_s, validation=self._n_sentences / seconds
        )

    def _timing(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **options: Any) -> Any:
            start = self._now()
            try:
                return work(*arguments, **options)
            finally:
                self._decoding_s += self._now() - start

        return timed

    def _now(self) -> float:
        """Clock in seconds, read after the device has finished its work."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return time.perf_counter()


def _fairseq(trained: Trained, beam: int) -> _Rate:
    config = trained.config
    src, tgt = Translation.open(config.data).manifest.sides
    arguments = [
        config.data,
        *("--source-lang", src, "--target-lang", tgt),
        *("--user-dir", USER_DIR, "--path", str(trained.checkpoint), "--gen-subset", "valid"),
        *("--beam", str(beam), "--max-tokens", str(DECODING_TOKENS["cpu"])),
        *("--max-len-a", str(QUICK_LIMIT.ratio), "--max-len-b", str(QUICK_LIMIT.extra)),
        *("--required-batch-size-multiple", "1", "--num-workers", "0", "--quiet"),
        *(("--fp16",) if config.ranks.gpus_per_rank else ("--cpu",)),
    ]
    ended = run_module("fairseq_cli.generate", arguments, seconds=SECONDS)
    return _Rate(decoding=float(_TRANSLATED.findall(ended.output)[-1]))


if __name__ == "__main__":
    run(measure, __doc__, on_devices=True)
