"""The benchmark of distillation: what each student learns from, and the teacher's cost."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import pytest

from benchmarks import by_seed, distillation
from benchmarks.by_seed import Outcome
from benchmarks.command import Options
from benchmarks.distillation import SEEDS, WAYS, WITH, WITHOUT, Teacher, measure
from spaces.layout import Layout, without_reservoirs
from tests.benchmarks.made_up import made_up_outcome
from tests.encoder_exports import encoder_trial, write_export_of
from trainable.config import TrialConfig
from trainable.data.manifest import Manifest, TeacherInfo

BEST = {"references": 10.0, "sequences": 12.0, "words": 14.0}


@pytest.fixture
def trainings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, small_grammar: Path
) -> list[TrialConfig]:
    """Trainings that are asked for, with made-up ends; the teacher has trained nothing."""
    asked: list[TrialConfig] = []

    def made_up(key: str, config: TrialConfig) -> Outcome:
        asked.append(config)
        taught = config.train.distill is not None
        way = "words" if taught else "sequences" if "distilled" in config.data else "references"
        test = BEST[way] + config.seed / 10
        return made_up_outcome(
            key,
            test,
            teacher_flops=2e12 if taught else None,
            teacher_seconds=3.0 if taught else None,
        )

    def untrained(place: Path, data: Path) -> Teacher:
        trial = encoder_trial(data, seed=1, decoder="L")
        export = write_export_of(trial, tmp_path / "export")
        distilled = shutil.copytree(data, place / "distilled")
        info = TeacherInfo(
            encoder="LLLL",
            decoder="L",
            weights_sha256="0" * 64,
            beam=5,
            data_digest=Manifest.load(data).digest,
            score_valid=20.0,
        )
        Manifest.load(data).model_copy(update={"teacher": info}).save(distilled)
        return Teacher(
            export=export,
            distilled=distilled,
            train_flops=7e12,
            train_seconds=300.0,
            translation_seconds=200.0,
        )

    monkeypatch.setattr(by_seed, "_train", made_up)
    monkeypatch.setattr(distillation, "make_teacher", untrained)
    monkeypatch.setattr(distillation, "CACHE", tmp_path / "cache")
    shutil.copytree(small_grammar, tmp_path / "cache" / "distillation" / "multi30k")
    return asked


def test_students_differ_in_nothing_but_in_what_they_learn_from(
    tmp_path: Path, trainings: list[TrialConfig]
):
    report = measure(Options(out=tmp_path / "out"))
    assert len(trainings) == 2 * len(WAYS) * len(SEEDS)
    rest = {
        config.model_copy(
            update={"data": "", "train": config.train.model_copy(update={"distill": None})}
        ).model_dump_json()
        for config in trainings
    }
    assert len(rest) == 2 * len(SEEDS)  # of encoder and seed
    assert all(
        (config.train.distill is None) or Path(config.data).name == "multi30k"
        for config in trainings
    )
    students, areas, scores, teacher, seeds = report.tables
    found = [(row["encoder"], row["learns from"]) for row in students.rows]
    assert found == list(itertools.product((f"`{WITH}`", f"`{WITHOUT}`"), WAYS))
    assert len(seeds.rows) == len(found)
    assert [row["difference (95 %)"] for row in scores.rows[:2]] == [
        "+2.00 (+2.00 to +2.00)",
        "+4.00 (+4.00 to +4.00)",
    ]
    assert [row["first"] for row in areas.rows] == [row["first"] for row in scores.rows]
    assert [(row["TFLOP"], row["seconds"]) for row in teacher.rows] == [
        ("7.00", "300"),
        (None, "200"),
        ("2.00", "3"),
    ]


def test_the_deletion_is_what_is_left_without_the_reservoirs():
    assert str(without_reservoirs(Layout.parse(WITH))) == WITHOUT
