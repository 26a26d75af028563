"""Word-level distillation: the table of a teacher's probabilities, and trials that learn by it."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from spaces.errors import UserError
from tests.encoder_exports import encoder_trial, write_export
from trainable import teacher as teacher_module
from trainable.buckets import Bucket
from trainable.checkpoint import load_learned_weights
from trainable.collate import PADDING
from trainable.config import TrialConfig
from trainable.data.grammar.corpus import grammar
from trainable.data.prepare import prepare
from trainable.export_files import exported_config, exported_weights
from trainable.model_size import candidate_size, param_counts
from trainable.ranks import Ranks
from trainable.tasks.registry import load_task
from trainable.teacher import N_WORDS, teacher_table
from trainable.teacher_table import TeacherTable
from trainable.training import Training, run_trial

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def taught_data(small_grammar: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data of these tests alone, for tables are put there."""
    return Path(shutil.copytree(small_grammar, tmp_path_factory.mktemp("taught") / "data"))


@pytest.fixture(scope="module")
def teacher(taught_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Export of an untrained translation model, whose probabilities are uneven all the same."""
    return write_export(taught_data, tmp_path_factory.mktemp("teacher") / "export", decoder="L")


@pytest.fixture
def trial(tiny_trial: TrialConfig, taught_data: Path, teacher: Path) -> TrialConfig:
    return taught_trial(tiny_trial, taught_data, distill=str(teacher))


def taught_trial(trial: TrialConfig, data: Path, **train: Any) -> TrialConfig:
    return trial.model_copy(
        update={"data": str(data), "train": trial.train.model_copy(update=train)}
    )


def table_of(trial: TrialConfig) -> TeacherTable:
    table = teacher_table(trial, CPU)
    assert table is not None
    return table


def test_the_table_has_the_teachers_likeliest_words_of_every_target(
    trial: TrialConfig, taught_data: Path, teacher: Path
):
    table = table_of(trial)
    task = load_task(str(taught_data))
    exported = exported_config(teacher, "test")
    model = task.build_model(exported.model, seed=exported.seed).eval()
    load_learned_weights(model, exported_weights(teacher, "test"))
    update = next(task.updates(trial.train, seed=1, skip=0))
    batch = table.beside(update).collate(update.indices)
    with torch.no_grad():
        scores, _ = model(**batch["net_input"])
    # Independently of ``topk`` and of the softmax over the chosen ones.
    p = torch.softmax(scores.double(), dim=-1)
    for row, column in (batch["target"] != PADDING).nonzero().tolist():
        ordered = sorted(range(p.size(-1)), key=lambda word: -float(p[row, column, word]))
        chosen = ordered[:N_WORDS]
        given = dict(
            zip(
                batch["teacher"]["words"][row, column].tolist(),
                batch["teacher"]["probabilities"][row, column].tolist(),
                strict=True,
            )
        )
        assert set(given) == set(chosen)
        whole = float(p[row, column, chosen].sum())
        for word in chosen:
            assert given[word] == pytest.approx(float(p[row, column, word]) / whole, rel=1e-4)
    assert not batch["teacher"]["probabilities"][batch["target"] == PADDING].any()


def test_a_second_trial_takes_the_table_of_the_first(
    trial: TrialConfig, monkeypatch: pytest.MonkeyPatch
):
    first = table_of(trial)
    monkeypatch.setattr(teacher_module, "write_table", None)
    assert table_of(trial.model_copy(update={"seed": 9})).cost == first.cost
    assert first.cost.seconds > 0


def test_the_teachers_cost_is_by_arithmetic(trial: TrialConfig, taught_data: Path, teacher: Path):
    task = load_task(str(taught_data))
    model = exported_config(teacher, "test").model
    cost = table_of(trial).cost
    assert cost.n_params_total == param_counts(model, task).total
    # Two FLOPs of the output projection alone, and less than twenty of all, for each weight.
    at_least = 2 * len(task.corpus.tgt_dict) * model.d_model * task.n_epoch_tokens
    assert at_least < cost.flops < 20 * cost.n_params_total * task.n_epoch_tokens


def test_another_teacher_has_another_table(
    trial: TrialConfig, taught_data: Path, teacher: Path, tmp_path: Path
):
    other = write_export(taught_data, tmp_path / "other", decoder="L", encoder="LL")
    first = table_of(trial)
    assert table_of(taught_trial(trial, taught_data, distill=str(other))).cost != first.cost
    assert len(list(taught_data.glob("teacher-*/"))) >= 2


def test_padding_to_a_bucket_changes_nothing(trial: TrialConfig):
    training = Training(trial, ranks=Ranks())
    task, model, table = training.task, training._model.eval(), table_of(trial)
    update = table.beside(next(task.updates(trial.train, seed=1, skip=0)))
    bucket = Bucket(
        n_rows=len(update.indices) + 3, lengths=tuple(length + 5 for length in update.lengths)
    )
    losses = []
    for batch, loss_of in (
        (update.collate(update.indices), task.loss),
        (update.collate(update.indices, bucket), task.padded_loss),
    ):
        features = task.features(model, batch)
        losses.append(loss_of(model, features, batch, trial.train).item())
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
    assert not update.collate(update.indices[:0], bucket)["teacher"]["probabilities"].any()


def test_a_teacher_changes_what_is_learned_and_a_resumed_trial_is_an_unbroken_one(
    trial: TrialConfig,
):
    plain = run_trial(
        taught_trial(trial, Path(trial.data), distill=None), report=lambda point: None
    )
    unbroken = run_trial(trial, report=lambda point: None)
    assert unbroken.curve[-1].loss != plain.curve[-1].loss
    assert plain.teacher_cost is None
    assert unbroken.teacher_cost == table_of(trial).cost

    begun = Training(trial, ranks=Ranks())
    next(begun.points())
    resumed = run_trial(trial, report=lambda point: None, checkpoint=begun.checkpoint())
    curves = [
        [dataclasses.replace(point, seconds=0.0) for point in training.curve]
        for training in (resumed, unbroken)
    ]
    assert curves[0] == curves[1]


def test_a_teacher_of_other_words_is_refused(
    trial: TrialConfig, tmp_path: Path, language_export: Path
):
    data = tmp_path / "data"
    prepare(lambda: grammar(seed=4, n_train=60, n_valid=9, n_test=9), data, n_merges=20)
    other = write_export(data, tmp_path / "export", decoder="L")
    for folder in (other, language_export):
        with pytest.raises(UserError, match=r"its dictionaries are not those of .*; give an"):
            candidate_size(taught_trial(trial, Path(trial.data), distill=str(folder)))


def test_what_is_no_export_or_cannot_be_taught_is_refused(
    trial: TrialConfig, tmp_path: Path, kinds: Path, teacher: Path
):
    with pytest.raises(UserError, match=r"train\.distill .*: is no export"):
        candidate_size(taught_trial(trial, Path(trial.data), distill=str(tmp_path)))
    classifier = encoder_trial(kinds, seed=1, train={"distill": str(teacher)})
    with pytest.raises(UserError, match="classification, has no word-level distillation"):
        candidate_size(classifier)


def test_a_table_that_does_not_fit_the_data_is_refused(trial: TrialConfig, tmp_path: Path):
    table_of(trial)
    folder = next(Path(trial.data).glob("teacher-*/"))
    sizes = load_task(trial.data).corpus.split("train").tgt_sizes
    with pytest.raises(UserError, match="tokens for the 7 of the training set"):
        TeacherTable(folder, np.array([3, 4]), n_rows=1000)
    with pytest.raises(UserError, match="has words beyond the 20 of the data"):
        TeacherTable(folder, sizes, n_rows=20)
    copy = Path(shutil.copytree(folder, tmp_path / "table"))
    (copy / "words.npy").unlink()
    (copy / "words.npy").symlink_to(folder / "words.npy")
    with pytest.raises(UserError, match="is a link or no plain file"):
        TeacherTable(copy, sizes, n_rows=1000)
