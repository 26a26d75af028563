"""Across tasks: do layouts that are good for one task rank high on the others?

The same encoders, with and without reservoirs, are trained on translation, summarisation,
classification and a masked language model, with two seeds each, and ranked by AUCC. ``--data``
is a folder with one prepared folder for each of the tasks; without it they are made from the
embedded grammar. Each ended training is a line of ``across_tasks.jsonl`` in ``--out``: the same
command goes on where it was interrupted.
"""

from __future__ import annotations

import itertools
import logging
import multiprocessing
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from scipy.stats import kendalltau

from benchmarks.command import Options, run
from benchmarks.corpora import CACHE
from benchmarks.machine import N_THREADS, machine
from benchmarks.result import Report, Row, Table
from benchmarks.training_record import TrainingRecord, training_key
from search.stats.prediction import rank_correlation
from spaces.errors import UserError
from spaces.layout import NO_DECODER, Layout, without_reservoirs
from trainable.config import Budget, ModelConfig, TrainConfig, TrialConfig, ValidationConfig
from trainable.data.grammar.corpus import grammar
from trainable.data.grammar.kinds import grammar_sentences
from trainable.data.grammar.summaries import grammar_summaries
from trainable.data.manifest import FILE_NAME, Manifest
from trainable.data.merges import BPE_MERGES
from trainable.data.prepare import prepare
from trainable.data.prepare_sentences import prepare_sentences
from trainable.tasks.registry import load_task
from trainable.training import run_trial

logger = logging.getLogger(__name__)

TASKS = ("translation", "summarisation", "classification", "masked_lm")
MODEL_0 = "LLLL"
WITHOUT = ("L", "LL", "L1L1", "LLL", MODEL_0, "L1L1L1L1")
WITH = (
    *("RL", "LR", "FL", "GL", "CL", "RRRL", "LRRR"),  # without reservoirs: L
    *("RLL", "LRL", "LLR", "RLRL", "R1LR1L", "LRLR", "RRLL", "LLRR", "LRRL"),  # LL
    *("FLFL", "F1LF1L", "GLGL", "CLCL"),  # LL too
    *("R1L1R1L1", "L1RRL1", "F1L1F1L1"),  # L1L1
    *("RLLL", "LLLR", "LFLL"),  # LLL
)
SEEDS = (1, 2)
N_UPDATES = 400
N_POINTS = 10  # of each curve
N_SENTENCES = 200  # of a validation
N_PROCESSES = N_THREADS  # each trains one layout at a time, with one thread
N_RESAMPLES = 1000  # bootstrap samples for Kendall's correlation

Numbers = npt.NDArray[np.float64]
Areas = Mapping[str, float]  # mean AUCC of each layout on one task


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """The end of one training; ``key`` is that of its settings and data."""

    key: str
    task: str
    layout: str
    seed: int
    aucc: float
    score: float  # the best
    seconds: float  # with validation and start-up


def measure(options: Options) -> Report:
    """Rank correlations of the layouts' AUCC between the tasks."""
    folders = _given(options.data) if options.data else _embedded(CACHE)
    options.out.mkdir(parents=True, exist_ok=True)
    trained = train_all(folders, options.out / "across_tasks.jsonl")
    areas = {task: mean_areas(trained, task, SEEDS) for task in TASKS}
    halves = {task: [mean_areas(trained, task, [seed]) for seed in SEEDS] for task in TASKS}
    return Report(
        name="across_tasks",
        title="The same layouts across tasks",
        header={
            **machine(),
            "data": "; ".join(f"{task}: {_described(folders[task])}" for task in TASKS),
            "seed": " and ".join(map(str, SEEDS)),
            "size": f"{N_UPDATES} updates, {len(WITHOUT + WITH)} encoders; a decoder is L",
            "cost": f"{sum(one.seconds for one in trained) / 60:,.0f} core-minutes",
        },
        tables=[
            Table(
                caption="Rank correlation of the AUCC between tasks",
                rows=[
                    *(
                        _row(f"{a} – {b}", areas[a], areas[b])
                        for a, b in itertools.combinations(TASKS, 2)
                    ),
                    *(_row(f"{task}, its seeds", *halves[task]) for task in TASKS),
                ],
            ),
            Table(
                caption="Gain: AUCC with reservoirs less that without them, in percent of "
                f"{MODEL_0}'s",
                rows=[_gain_row(task, areas[task]) for task in TASKS],
            ),
            Table(
                caption=f"AUCC ÷ {MODEL_0}'s",
                rows=[_layout_row(layout, areas) for layout in WITHOUT + WITH],
            ),
        ],
        notes=[
            "95 % intervals: percentiles of bootstrap samples of the layouts, or of the gains",
            "rows of one task compare its first seed with its second: what noise leaves possible",
        ],
    )


def trial_config(folder: Path, layout: str, seed: int) -> TrialConfig:
    """Settings of a training: the same for all tasks but for the decoder and the smoothing."""
    task = load_task(str(folder))
    return TrialConfig(
        data=str(folder),
        seed=seed,
        model=ModelConfig(
            encoder=Layout.parse(layout),
            decoder=Layout.parse("L") if task.has_decoder else NO_DECODER,
            d_model=64,
            ffn=128,
        ),
        train=TrainConfig(
            lr=3e-3,
            warmup_updates=max(1, N_UPDATES // 4),
            batch_tokens=1024,
            label_smoothing=task.label_smoothing,
        ),
        validation=ValidationConfig(
            interval_updates=max(1, N_UPDATES // N_POINTS), n_sentences=N_SENTENCES
        ),
        budget=Budget(updates=N_UPDATES),
    )


def train_all(folders: Mapping[str, Path], record: Path) -> list[Trained]:
    """All trainings; those that ``record`` has are read, the others made and written to it."""
    kept = TrainingRecord(record, Trained)
    wanted = {
        training_key(config): (task, config)
        for task, seed, layout in itertools.product(TASKS, SEEDS, WITHOUT + WITH)
        for config in [trial_config(folders[task], layout, seed)]
    }
    missing = [place for key, place in wanted.items() if key not in kept.known]
    for number, one in enumerate(_results(missing), start=1):
        kept.add(one)
        logger.warning("%d of %d: %s %s", number, len(missing), one.task, one.layout)
    return [kept.known[key] for key in wanted]


def _results(missing: Sequence[tuple[str, TrialConfig]]) -> Iterator[Trained]:
    """Trainings as they end, in this process or in several."""
    if N_PROCESSES == 1:
        yield from itertools.starmap(_train, missing)
        return
    # Not forked: torch's threads would be missing in the copies.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(N_PROCESSES, mp_context=context) as pool:
        ended = [pool.submit(_train, task, config) for task, config in missing]
        yield from (future.result() for future in as_completed(ended))


def _train(task: str, config: TrialConfig) -> Trained:
    torch.set_num_threads(1)
    start = time.monotonic()
    training = run_trial(config, report=lambda _: None)
    return Trained(
        key=training_key(config),
        task=task,
        layout=str(config.model.encoder),
        seed=config.seed,
        aucc=training.aucc(),
        score=max(point.score for point in training.curve),
        seconds=time.monotonic() - start,
    )


def mean_areas(trained: Iterable[Trained], task: str, seeds: Sequence[int]) -> Areas:
    """Mean AUCC of each layout over ``seeds``."""
    areas: dict[str, list[float]] = {layout: [] for layout in WITHOUT + WITH}
    for one in trained:
        if one.task == task and one.seed in seeds:
            areas[one.layout].append(one.aucc)
    return {layout: sum(found) / len(found) for layout, found in areas.items()}


def gains(areas: Areas) -> dict[str, float]:
    """AUCC of each layout with reservoirs less that of its deletion, in percent of Model 0's."""
    found = {}
    for layout in WITH:
        deletion = without_reservoirs(Layout.parse(layout))
        assert deletion is not None
        found[layout] = 100 * _part(areas[layout] - areas[str(deletion)], areas)
    return found


def _part(area: float, areas: Areas) -> float:
    """``area`` as a part of Model 0's; 0 if that has learned nothing."""
    return area / areas[MODEL_0] if areas[MODEL_0] else 0.0


def _row(name: str, one: Areas, other: Areas) -> Row:
    first, second = list(one.values()), list(other.values())
    of_gains = list(gains(one).values()), list(gains(other).values())
    return {
        "tasks": name,
        "Spearman (95 %)": _spearman(first, second),
        "Kendall (95 %)": _kendall(first, second),
        "gains: Spearman (95 %)": _spearman(*of_gains),
        "gains: Kendall (95 %)": _kendall(*of_gains),
    }


def _spearman(one: Sequence[float], other: Sequence[float]) -> str | None:
    found = rank_correlation(one, other)
    return None if found is None else _interval(found.rho, found.low, found.high)


def _kendall(one: Sequence[float], other: Sequence[float]) -> str | None:
    if len(set(one)) == 1 or len(set(other)) == 1:
        return None
    pairs = np.array([one, other])
    chosen = np.random.default_rng(1).integers(len(one), size=(N_RESAMPLES, len(one)))
    low, high = np.nanpercentile(_rowwise_tau(*pairs[:, chosen]), [2.5, 97.5])
    return _interval(kendalltau(*pairs).statistic, low, high)


def _rowwise_tau(one_RN: Numbers, other_RN: Numbers) -> Numbers:
    """Kendall's tau-b of each row; NaN for a constant row. R resamples, N layouts."""
    first, second = (np.sign(rows[:, :, None] - rows[:, None]) for rows in (one_RN, other_RN))
    norms = np.sqrt((first**2).sum(axis=(1, 2)) * (second**2).sum(axis=(1, 2)))
    with np.errstate(invalid="ignore"):
        tau_R: Numbers = (first * second).sum(axis=(1, 2)) / norms
    return tau_R


def _interval(value: float, low: float, high: float) -> str:
    return f"{value:.2f} ({low:.2f} to {high:.2f})"


def _gain_row(task: str, areas: Areas) -> Row:
    found = np.array(list(gains(areas).values()))
    chosen = np.random.default_rng(1).integers(len(found), size=(N_RESAMPLES, len(found)))
    low, high = np.percentile(found[chosen].mean(axis=1), [2.5, 97.5])
    return {
        "task": task,
        "layouts": str(len(found)),
        "mean gain (95 %)": _interval(found.mean(), low, high),
        "better with": f"{(found > 0).sum()} of {len(found)}",
    }


def _layout_row(layout: str, areas: Mapping[str, Areas]) -> Row:
    parts = {task: f"{_part(areas[task][layout], areas[task]):.3f}" for task in TASKS}
    return {"encoder": f"`{layout}`", **parts}


def _given(folder: Path) -> dict[str, Path]:
    """The prepared folders in ``folder`` by their tasks.

    Raises:
        UserError: a task has none, or several.
    """
    found: dict[str, Path] = {}
    for place in sorted(path.parent for path in folder.glob(f"*/{FILE_NAME}")):
        task = Manifest.load(place).task
        if task in found:
            raise UserError(
                f"--data {folder}: {found[task].name} and {place.name} are both for {task}; "
                "leave one for each task"
            )
        found[task] = place
    if missing := [task for task in TASKS if task not in found]:
        raise UserError(
            f"--data {folder}: holds no prepared data for {', '.join(missing)}; "
            "prepare one folder in it for each task"
        )
    return found


def _embedded(place: Path) -> dict[str, Path]:
    """The embedded corpora, made below ``place`` where they are not there."""
    merges = BPE_MERGES["grammar"]
    make: dict[str, Callable[[Path], object]] = {
        "translation": partial(prepare, grammar, n_merges=merges),
        "summarisation": partial(
            prepare, grammar_summaries, n_merges=merges, joined_dictionary=True
        ),
    }
    for task in ("classification", "masked_lm"):
        read = partial(grammar_sentences, with_kinds=task == "classification")
        make[task] = partial(prepare_sentences, read, task=task, n_merges=merges)
    folders = {task: place / f"grammar-{task}" for task in TASKS}
    for task, folder in folders.items():
        if not folder.exists():
            make[task](folder)
    return folders


def _described(folder: Path) -> str:
    manifest = Manifest.load(folder)
    return f"{manifest.corpus}, {manifest.counts['train'].n_sentences:,} for training"


if __name__ == "__main__":
    run(measure, __doc__)
