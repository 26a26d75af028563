"""Summarisation: fairseq's translation task reads it, and no summary is too long."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from fairseq import criterions, options, tasks

from search.exports.predict import Predictor
from search.exports.translate import Translator
from spaces.errors import UserError
from tests.encoder_exports import write_export
from trainable.config import Budget, ModelConfig, TrainConfig, TrialConfig, ValidationConfig
from trainable.data.manifest import Manifest
from trainable.fairseq_command import fairseq_train_arguments
from trainable.private.fairseq import convert_namespace_to_omegaconf
from trainable.ranks import Ranks
from trainable.tasks.registry import load_task, metric_of
from trainable.tasks.summarisation import Summarisation
from trainable.training import run_trial

CPU = torch.device("cpu")
MODEL = {"encoder": "R1LR1L", "decoder": "L", "d_model": 16, "ffn": 32, "heads": 2}


@pytest.fixture(scope="module")
def trial(short: Path) -> TrialConfig:
    return TrialConfig(
        data=str(short),
        seed=5,
        model=ModelConfig(**MODEL, tied="all", dropout=0.0),
        train=TrainConfig(lr=1e-2, warmup_updates=4, batch_tokens=512),
        validation=ValidationConfig(interval_updates=10, n_sentences=10),
        budget=Budget(updates=20),
    )


@pytest.fixture(scope="module")
def task(short: Path) -> Summarisation:
    found = load_task(str(short))
    assert isinstance(found, Summarisation)
    return found


@pytest.fixture(scope="module")
def export(short: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_export(short, tmp_path_factory.mktemp("short") / "export", decoder="L", tied="all")


def test_training_lowers_the_loss_and_the_score_is_rouge_l(trial: TrialConfig, short: Path):
    result = run_trial(trial, report=lambda _: None)
    assert result.curve[0].loss > result.curve[1].loss
    assert metric_of(str(short)).name == "ROUGE-L"


def test_fairseqs_translation_task_reads_documents_and_has_the_same_loss(
    trial: TrialConfig, task: Summarisation
):
    arguments = fairseq_train_arguments(trial, task, n_updates=1)
    parsed = options.parse_args_and_arch(options.get_training_parser(), input_args=arguments)
    config = convert_namespace_to_omegaconf(parsed)
    theirs = tasks.setup_task(config.task)
    theirs.load_dataset("valid")
    dataset = theirs.dataset("valid")
    sample = dataset.collater([dataset[n] for n in range(20)])
    model = task.build_model(trial.model, seed=3).double()
    expected, _, _ = criterions.build_criterion(config.criterion, theirs)(model, sample)
    batch = task.corpus.collator("valid")(sample["id"].numpy())
    ours = task.loss(model, task.features(model, batch), batch, trial.train)
    assert ours.item() == pytest.approx(expected.item(), rel=1e-6)


@pytest.mark.parametrize("limit", [1, 4])
def test_no_summary_is_longer_than_the_manifest_says(
    trial: TrialConfig, task: Summarisation, limit: int
):
    assert task.manifest.lengths is not None
    shorter = task.manifest.lengths.model_copy(update={"summary": limit})
    manifest = task.manifest.model_copy(update={"lengths": shorter})
    bounded = Summarisation(replace(task.corpus, manifest=manifest))
    model = bounded.build_model(trial.model, seed=1)  # untrained: it stops nowhere else
    for found in (
        bounded.final_set(trial, "test", device=CPU),
        bounded.validation_set(trial, ranks=Ranks(), device=CPU),
    ):
        outputs = found.measure(model).outputs
        n_words = [len(output.split()) for output in outputs]
        assert 1 <= max(n_words) <= limit


def test_an_export_quotes_rouge_1_and_2_beside_rouge_l(task: Summarisation):
    assert [metric.name for metric in (task.metric, *task.further_metrics)] == [
        "ROUGE-L",
        "ROUGE-1",
        "ROUGE-2",
    ]


def test_a_document_is_answered_with_the_summary_of_its_exports_scores(
    export: Path, task: Summarisation, trial: TrialConfig
):
    predictor = Predictor(export)
    documents = task.corpus.raw("test", "en_document")[:5]
    answers = list(predictor.answers([documents[0], "", *documents[1:]]))
    assert answers[1] == ""
    model = predictor._model  # the export's own weights
    scores = task.final_set(trial, "test", device=CPU).measure(model)
    assert (answers[0], *answers[2:]) == scores.outputs[:5]


def test_a_long_document_is_read_as_far_as_the_corpus_was(
    export: Path, caplog: pytest.LogCaptureFixture
):
    lengths = Manifest.load(export).lengths
    assert lengths is not None
    start = "The dog sleeps. " * lengths.document
    (one, other) = Predictor(export).answers([start, f"{start}We sleep."])
    assert one == other
    assert f"only its first {lengths.document} tokens are read" in caplog.text


def test_translate_leaves_documents_to_predict(export: Path):
    with pytest.raises(UserError, match="was trained for the task 'summarisation'"):
        Translator(export)
