"""Distillation: do students learn more from a teacher's translations, or its probabilities?

A large layout is trained and exported. Two small ones, a layout with reservoirs and what is left
of it without them, learn with the same seeds from the references, from the teacher's translations
(by sequences) and from the references with its probabilities (by words). ``--data`` is the folder
of Multi30k's files, plain or packed; without it they are downloaded. Each ended training is a line
of ``distillation.jsonl`` in ``--out``: the same command goes on where it was interrupted.
"""

from __future__ import annotations

import itertools
import logging
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.by_seed import (
    NOTES,
    Group,
    Trained,
    by_seed,
    comparison,
    mean_of,
    minutes,
    train_all,
)
from benchmarks.command import Options, run
from benchmarks.corpora import CACHE
from benchmarks.exported_studies import exported_study
from benchmarks.machine import machine
from benchmarks.result import Report, Row, Table
from search.exports.distillation import distilled_data
from spaces.layout import Layout
from trainable.config import Budget, ModelConfig, TrainConfig, TrialConfig, ValidationConfig
from trainable.data.manifest import Manifest
from trainable.data.multi30k import multi30k
from trainable.data.prepare import prepare

logger = logging.getLogger(__name__)

N_MERGES = 2000
TEACHER = "LLLL"  # with one layer in its decoder and twice the students' width
N_TEACHER_UPDATES = 700  # of 2,048 tokens
WITH, WITHOUT = "RLRL", "LL"  # a layout, and its deletion
WAYS = ("references", "sequences", "words")
SEEDS = (1, 2, 3)
N_UPDATES = 600  # of 1,024 tokens
N_POINTS = 6  # of each curve
N_SENTENCES = 200  # of a validation
BEAM = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Teacher:
    """The export, the data that it translated, and what it cost."""

    export: Path
    distilled: Path
    train_flops: float
    train_seconds: float
    translation_seconds: float  # of the training set, with the validation set


def measure(options: Options) -> Report:
    """AUCC and BLEU of students by what they learn from, and the teacher's cost."""
    place = CACHE / "distillation"
    data = place / "multi30k"
    if not data.exists():
        prepare(partial(multi30k, options.data), data, n_merges=N_MERGES)
    teacher = make_teacher(place, data)
    wanted: dict[Group, list[TrialConfig]] = {
        (encoder, way): [student(data, teacher, encoder, way, seed) for seed in SEEDS]
        for encoder, way in itertools.product((WITH, WITHOUT), WAYS)
    }
    trained = train_all(wanted, options.out / "distillation.jsonl")
    pairs = _pairs()
    return Report(
        name="distillation",
        title="Distillation: students by sequences, by words, and of the references alone",
        header={
            **machine(),
            "threads": "1",
            "data": f"Multi30k, de-en, {N_MERGES:,} merges; "
            f"{Manifest.load(data).counts['train'].n_sentences:,} pairs",
            "seed": f"{', '.join(map(str, SEEDS))}; the teacher's 1",
            "size": f"{N_UPDATES} updates of 1,024 tokens; `d_model` 64, decoder `L`",
            "cost": f"{minutes(trained):.0f} minutes with one thread, the teacher's left out",
        },
        tables=[
            Table(caption="Students", rows=[_student_row(trained, group) for group in trained]),
            comparison(trained, pairs, "aucc", "AUCC, first ÷ second"),
            comparison(trained, pairs, "test", "BLEU on the test set, first − second"),
            Table(caption="The teacher", rows=_teacher_rows(teacher, trained)),
            by_seed(trained),
        ],
        notes=[
            *NOTES,
            (
                f"AUCC is of greedy BLEU on {N_SENTENCES} validation sentences over updates; BLEU "
                f"on the test set is of beam {BEAM}, 1,000 sentences"
            ),
            "no student's clock or FLOPs count the teacher",
        ],
    )


def make_teacher(place: Path, data: Path) -> Teacher:
    """The teacher's export and its translations, made below ``place`` where they are not there."""
    made = exported_study(
        place,
        "teacher",
        data=str(data),
        space={"encoder": [TEACHER], "decoder_depth": 1},
        model={"d_model": 128, "ffn": 256, "dropout": 0.1},
        train={"lr": 3e-3, "warmup_updates": 300, "batch_tokens": 2048},
        validation={
            "interval_updates": max(1, N_TEACHER_UPDATES // 5),
            "n_sentences": N_SENTENCES,
        },
        budget={"updates": N_TEACHER_UPDATES},
    )
    distilled = place / "distilled"
    seconds = place / "distilled-seconds.txt"
    if not distilled.exists():
        start = time.monotonic()
        distilled_data(made.export, distilled, beam=BEAM, tell=logger.info)
        seconds.write_text(f"{time.monotonic() - start:.1f}\n", encoding="utf-8")
    return Teacher(
        export=made.export,
        distilled=distilled,
        train_flops=made.flops,
        train_seconds=made.seconds,
        translation_seconds=float(seconds.read_text(encoding="utf-8")),
    )


def student(data: Path, teacher: Teacher, encoder: str, way: str, seed: int) -> TrialConfig:
    """Settings of a student: the same for all but for what it learns from."""
    return TrialConfig(
        data=str(teacher.distilled if way == "sequences" else data),
        seed=seed,
        model=ModelConfig(
            encoder=Layout.parse(encoder), decoder=Layout.parse("L"), d_model=64, ffn=128
        ),
        train=TrainConfig(
            lr=3e-3,
            warmup_updates=max(1, N_UPDATES // 4),
            batch_tokens=1024,
            distill=str(teacher.export) if way == "words" else None,
        ),
        validation=ValidationConfig(
            interval_updates=max(1, N_UPDATES // N_POINTS), n_sentences=N_SENTENCES
        ),
        budget=Budget(updates=N_UPDATES),
    )


def _pairs() -> list[tuple[Group, Group]]:
    taught = [
        ((encoder, way), (encoder, "references"))
        for encoder, way in itertools.product((WITH, WITHOUT), WAYS[1:])
    ]
    return [*taught, *(((WITH, way), (WITHOUT, way)) for way in WAYS)]


def _student_row(trained: Trained, group: Group) -> Row:
    encoder, way = group
    return {
        "encoder": f"`{encoder}`",
        "learns from": way,
        "M params": f"{trained[group][0].n_params / 1e6:.3f}",
        "AUCC": mean_of(trained, group, "aucc"),
        "BLEU, test": mean_of(trained, group, "test"),
        "TFLOP to train": f"{trained[group][0].flops / 1e12:.2f}",
    }


def _teacher_rows(teacher: Teacher, trained: Trained) -> list[Row]:
    info = Manifest.load(teacher.distilled).teacher
    assert info is not None
    words = trained[WITH, "words"][0]
    return [
        {
            "what": f"training of `{TEACHER}`, `d_model` 128, {N_TEACHER_UPDATES} updates of "
            f"2,048 tokens; BLEU on validation with beam {BEAM}: {info.score_valid:.2f}",
            "TFLOP": f"{teacher.train_flops / 1e12:.2f}",
            "seconds": f"{teacher.train_seconds:.0f}",
        },
        {
            "what": f"its translations of the training set, beam {BEAM}, on all cores",
            "TFLOP": None,
            "seconds": f"{teacher.translation_seconds:.0f}",
        },
        {
            "what": "its probabilities of the training set",
            "TFLOP": f"{(words.teacher_flops or 0) / 1e12:.2f}",
            "seconds": f"{words.teacher_seconds or 0:.0f}",
        },
    ]


if __name__ == "__main__":
    run(measure, __doc__)
