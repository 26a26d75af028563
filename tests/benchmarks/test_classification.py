"""The benchmark of classification: which trainings it asks for, and on which data."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from benchmarks import by_seed, classification
from benchmarks.by_seed import Outcome
from benchmarks.classification import FILES, N_FOLDS, PRETRAINED, SEEDS, TEXT, TUNED_SEEDS, measure
from benchmarks.command import Options
from spaces.errors import UserError
from spaces.layout import Layout, without_reservoirs
from tests.benchmarks.made_up import made_up_outcome
from tests.encoder_exports import write_export_of
from trainable.config import Budget, TrialConfig
from trainable.data.manifest import Manifest
from trainable.init_from import check_init
from trainable.tasks.registry import load_task

WORDS = ("a", "the", "dog", "cat", "sees", "hears", "and", "often", "not", "who", "old", "here")


@pytest.fixture
def corpora(tmp_path: Path) -> Path:
    """The files of the corpora, with few made-up sentences."""
    rng = random.Random(5)
    folder = tmp_path / "corpora"
    folder.mkdir()
    for name in (name for names in FILES.values() for name in names if name is not None):
        lines = [f"{n % 2} {' '.join(rng.choices(WORDS, k=7))} .\n" for n in range(60)]
        (folder / name).write_text("".join(lines))
    others = [word[::-1] for word in WORDS]  # so that the text's merges are not the corpora's
    sentences = [f"{' '.join(rng.choices(others, k=9))} .\n" for _ in range(200)]
    (folder / TEXT).write_text("".join(sentences))
    return folder


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[TrialConfig]:
    """Trainings that are asked for; a start from an export is made up as better."""
    asked: list[TrialConfig] = []

    def made_up(key: str, config: TrialConfig) -> Outcome:
        asked.append(config)
        check_init(config, load_task(config.data))
        noise = random.Random(key).random()
        test = 70 + noise + (20 if config.train.init_from else 0)
        return made_up_outcome(key, test)

    def untrained(place: Path, text: Path, encoder: str, seed: int) -> Path:
        folder = tmp_path / f"export-{encoder}-{seed}"
        trial = classification.trial_config(text, encoder, seed)
        return write_export_of(trial.model_copy(update={"budget": Budget(updates=2)}), folder)

    monkeypatch.setattr(by_seed, "_train", made_up)
    monkeypatch.setattr(classification, "masked_export", untrained)
    monkeypatch.setattr(classification, "CACHE", tmp_path / "cache")
    return asked


def test_every_encoder_has_the_same_data_and_seeds(
    corpora: Path, tmp_path: Path, trainings: list[TrialConfig]
):
    report = measure(Options(out=tmp_path / "out", data=corpora))
    scratch = trainings[: len(classification.ENCODERS) * (2 * len(SEEDS) + N_FOLDS)]
    asked = {
        encoder: Counter(
            (Path(c.data).name, c.seed) for c in scratch if str(c.model.encoder) == encoder
        )
        for encoder in classification.ENCODERS
    }
    first = asked[classification.MODEL_0]
    assert all(each == first for each in asked.values())
    assert first == Counter(
        [(task, seed) for task in ("TREC", "SST-2") for seed in SEEDS]
        + [(f"SUBJ-{fold}", fold) for fold in range(1, N_FOLDS + 1)]
    )
    folds = [Manifest.load(tmp_path / f"cache/classification/SUBJ-{n}") for n in range(1, 11)]
    assert sum(fold.counts["test"].n_sentences for fold in folds) == 60  # each once
    assert [row["encoder"] for row in report.tables[0].rows] == [
        "`LLLL`",
        "`RLRL`",
        "`LL`",
        "`RRRR`",
    ]
    assert report.header["cost"].startswith(f"{len(trainings)} minutes with one thread")


def test_a_start_from_masked_words_is_set_beside_scratch_on_the_same_data(
    corpora: Path, tmp_path: Path, trainings: list[TrialConfig]
):
    report = measure(Options(out=tmp_path / "out", data=corpora))
    tuned = trainings[-2 * 2 * len(PRETRAINED) * len(TUNED_SEEDS) :]
    sides = [
        Counter(
            (c.data, c.seed, str(c.model.encoder)) for c in tuned if bool(c.train.init_from) is side
        )
        for side in (True, False)
    ]
    assert sides[0] == sides[1]
    (accuracies,) = [
        table for table in report.tables if table.caption.startswith("Accuracy, from masked words")
    ]
    assert {row["first higher"] for row in accuracies.rows} == {"3 of 3"}
    assert len(accuracies.rows) == 4


def test_the_deletion_is_what_is_left_without_the_reservoirs():
    deletion = without_reservoirs(Layout.parse(classification.WITH))
    assert str(deletion) == classification.WITHOUT


def test_a_missing_folder_or_file_is_told_by_its_name(
    corpora: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(classification, "CACHE", tmp_path / "cache")
    with pytest.raises(UserError, match=r"--data is missing: the folder of TREC\.train\.all"):
        measure(Options(out=tmp_path / "out"))
    (corpora / "subj.all").unlink()
    with pytest.raises(UserError, match=r"holds neither subj\.all nor subj\.all\.gz"):
        measure(Options(out=tmp_path / "out", data=corpora))
