"""Tasks without a decoder: equal to fairseq's criteria, counted as built, fair to padding."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fairseq import criterions, options, tasks
from torch import Tensor

from spaces.flops import NO_SAVINGS
from spaces.layout import NO_DECODER, Layout
from trainable.buckets import Bucket
from trainable.collate import PADDING
from trainable.config import Budget, ModelConfig, TrainConfig, TrialConfig, ValidationConfig
from trainable.fairseq_command import fairseq_train_arguments
from trainable.model_size import param_counts
from trainable.models.masked_lm import ReservoirMaskedLM
from trainable.private.fairseq import convert_namespace_to_omegaconf
from trainable.ranks import Ranks
from trainable.tasks.masking import MASKED, MaskedSentences
from trainable.tasks.registry import load_task
from trainable.tasks.task import Task
from trainable.training import run_trial

MODEL = ModelConfig(
    encoder="R1LR1GLa1La1", decoder=NO_DECODER, d_model=16, ffn=32, heads=2, dropout=0.0
)
TRAIN = TrainConfig(lr=5e-3, warmup_updates=4, batch_tokens=256, label_smoothing=0.0)
CPU = torch.device("cpu")


@pytest.fixture(params=["kinds", "english"])
def folder(request: pytest.FixtureRequest) -> Path:
    found: Path = request.getfixturevalue(request.param)
    return found


def trial_on(folder: Path, **changed: Any) -> TrialConfig:
    settings = {
        "data": str(folder),
        "model": MODEL,
        "train": TRAIN,
        "validation": ValidationConfig(interval_updates=5),
        "budget": Budget(updates=10),
    }
    return TrialConfig(**(settings | changed))


def updates(task: Task, n_updates: int, *, seed: int = 1, skip: int = 0) -> list[Any]:
    return list(itertools.islice(task.updates(TRAIN, seed=seed, skip=skip), n_updates))


def in_fairseq(folder: Path) -> tuple[Any, Any]:
    """fairseq's own task and criterion for the folder, made by the command line for it."""
    task = load_task(str(folder))
    arguments = fairseq_train_arguments(trial_on(folder), task, n_updates=1)
    parsed = options.parse_args_and_arch(options.get_training_parser(), input_args=arguments)
    config = convert_namespace_to_omegaconf(parsed)
    theirs = tasks.setup_task(config.task)
    return theirs, criterions.build_criterion(config.criterion, theirs)


def test_a_batch_and_its_loss_are_those_of_fairseqs_sentence_prediction(kinds: Path):
    task = load_task(str(kinds))
    model = task.build_model(MODEL, seed=3).double()
    theirs, criterion = in_fairseq(kinds)
    theirs.load_dataset("valid")
    by_id = {int(sample["id"]): sample for sample in theirs.dataset("valid")}
    sample = theirs.dataset("valid").collater([by_id[n] for n in range(40)])
    batch = task.collator("valid")(np.arange(40))
    for name, tensor in sample["net_input"].items():
        assert torch.equal(batch["net_input"][name], tensor), name
    assert torch.equal(batch["target"], sample["target"].view(-1))
    expected, n_targets, _ = criterion(model, sample)
    ours = task.loss(model, task.features(model, batch), batch, TRAIN)
    assert n_targets == 40
    assert float(ours) == pytest.approx(float(expected), rel=1e-6)


@pytest.mark.parametrize("embedding_dim", [None, 8])
def test_the_loss_is_that_of_fairseqs_masked_lm(english: Path, embedding_dim: int | None):
    task = load_task(str(english))
    config = MODEL.model_copy(update={"embedding_dim": embedding_dim})
    model = task.build_model(config, seed=3).double()
    update = updates(task, 1)[0]
    batch = update.collate(update.indices)
    expected, n_targets, _ = in_fairseq(english)[1](model, batch)
    features = task.features(model, batch)
    ours = task.loss(model, features, batch, TRAIN)
    assert n_targets == update.n_targets
    assert float(ours) == pytest.approx(float(expected), rel=1e-6)
    assert float(task.padded_loss(model, features, batch, TRAIN)) == pytest.approx(float(ours))


def test_fairseqs_masked_lm_reads_the_same_sentences(english: Path):
    theirs, _ = in_fairseq(english)
    theirs.cfg.skip_masking = True
    theirs.load_dataset("valid")
    samples = {int(sample["id"]): sample for sample in theirs.dataset("valid")}
    for number, tokens in enumerate(load_task(str(english)).encoder_inputs("valid")):
        assert torch.equal(samples[number]["net_input.src_tokens"], tokens)


@pytest.mark.parametrize("encoder", ["LLL", "RRR", "R1LR1L", "La1FLa1C"])
@pytest.mark.parametrize("embedding_dim", [None, 8])
@pytest.mark.parametrize("norm", ["pre", "post"])
def test_parameters_are_counted_as_they_are_built(
    folder: Path, encoder: str, embedding_dim: int | None, norm: str
):
    task = load_task(str(folder))
    config = ModelConfig(
        encoder=encoder,
        decoder=NO_DECODER,
        d_model=16,
        ffn=24,
        heads=2,
        norm=norm,
        embedding_dim=embedding_dim,
    )
    model, counts = task.build_model(config, seed=1), param_counts(config, task)
    learned = sum(parameter.numel() for parameter in model.parameters())
    frozen = sum(tensor.numel() for tensor in model.reservoir_tensors().values())
    assert (counts.learned, counts.total) == (learned, learned + frozen)
    assert not hasattr(model, "decoder")


def test_a_random_encoder_has_a_learned_head(kinds: Path):
    task = load_task(str(kinds))
    model = task.build_model(MODEL.model_copy(update={"encoder": Layout.parse("RR")}), seed=1)
    learned = {name.split(".")[0] for name, _ in model.named_parameters()}
    assert learned == {"encoder", "classification_heads"}
    assert not any("layers" in name for name, _ in model.named_parameters())


def test_flops_grow_by_a_layer_and_not_by_a_decoder(folder: Path):
    task = load_task(str(folder))
    dims = task.dimensions(MODEL)
    one, two, three = (
        task.flops_per_token(Layout.parse("L" * n), decoder, dims, NO_SAVINGS).training
        for n, decoder in ((1, NO_DECODER), (2, Layout.parse("LL")), (3, NO_DECODER))
    )
    assert three - two == pytest.approx(two - one)


def test_padding_and_empty_rows_of_a_bucket_change_no_gradient(folder: Path):
    task = load_task(str(folder))
    update = updates(task, 1)[0]
    indices = update.indices[:5]
    bucket = Bucket(n_rows=8, lengths=(int(update.lengths[0]) + 9,))
    gradients: list[list[Tensor]] = []
    for batch in (update.collate(indices), update.collate(indices, bucket)):
        model = task.build_model(MODEL.model_copy(update={"encoder": Layout.parse("RLC")}), seed=1)
        model = model.double()
        loss = task.padded_loss(model, task.features(model, batch), batch, TRAIN)
        loss.backward()
        gradients.append([loss.detach(), *(p.grad for p in model.parameters())])
    assert batch["net_input"]["src_tokens"].shape == (8, bucket.lengths[0])
    for plain, padded in zip(*gradients, strict=True):
        torch.testing.assert_close(plain, padded)


def test_masks_depend_on_the_seed_and_the_update_alone(english: Path):
    task = load_task(str(english))
    unbroken, resumed = updates(task, 5), updates(task, 3, skip=2)
    for before, after in zip(unbroken[2:], resumed, strict=True):
        whole = before.collate(before.indices)
        assert torch.equal(whole["target"], after.collate(after.indices)["target"])
        part = after.collate(after.indices[::2])
        width = part["target"].size(1)
        assert torch.equal(whole["target"][::2, :width], part["target"])
    again = [update for update in updates(task, 200) if 7 in update.indices]
    drawn = {tuple(update.collate(np.array([7]))["target"][0].tolist()) for update in again}
    assert len(drawn) > 1
    other = updates(task, 1, seed=2)[0]
    assert not np.array_equal(other.indices, unbroken[0].indices)


def test_15_percent_are_masked_and_of_these_80_replaced_by_the_mask_10_at_random(english: Path):
    task = load_task(str(english))
    split, n_words = task.split("train"), len(task.dictionary)
    masked = MaskedSentences.draw(
        split, np.arange(len(split)), n_words=n_words, rng=np.random.default_rng(1)
    )
    is_target = masked.targets != PADDING
    per_sentence, sizes = is_target.sum(axis=1), split.sizes
    assert (per_sentence >= np.floor(MASKED * sizes)).all()
    assert (per_sentence <= np.floor(MASKED * sizes) + 1).all()
    assert masked.n_targets / sizes.sum() == pytest.approx(MASKED, rel=0.05)
    chosen, wanted = masked.inputs[is_target], masked.targets[is_target]
    assert np.mean(chosen == n_words - 1) == pytest.approx(0.8, abs=0.05)
    assert np.mean(chosen == wanted) == pytest.approx(0.1, abs=0.04)
    rows = split.rows(np.arange(len(split)))
    assert np.array_equal(masked.inputs[~is_target], rows[~is_target])
    assert np.array_equal(wanted, rows[is_target])


def test_training_lowers_the_loss_and_the_same_seed_repeats_the_curve(folder: Path):
    trial = trial_on(
        folder,
        train=TRAIN.model_copy(update={"lr": 2e-2}),
        validation=ValidationConfig(interval_updates=20),
        budget=Budget(updates=40),
    )
    first = run_trial(trial, report=lambda _: None)
    second = run_trial(trial, report=lambda _: None)
    assert first.curve[0].loss > first.curve[1].loss
    assert [point.score for point in first.curve] == [point.score for point in second.curve]


def test_outputs_of_the_evaluation_are_in_order_and_give_its_score(folder: Path):
    task = load_task(str(folder))
    model = task.build_model(MODEL, seed=1)
    scores = task.final_set(trial_on(folder), "test", device=CPU).measure(model)
    assert len(scores.outputs) == len(task.references("test")) == 40
    assert scores.score == task.metric.score(scores.outputs, task.references("test"))
    part = task.validation_set(
        trial_on(folder, validation=ValidationConfig(n_sentences=10)), ranks=Ranks(), device=CPU
    ).measure(model)
    assert len(part.outputs) == 10


def test_bits_saved_are_the_loss_seen_from_the_other_side(english: Path):
    task = load_task(str(english))
    model = task.build_model(MODEL, seed=1)
    scores = task.final_set(trial_on(english), "test", device=CPU).measure(model)
    bits = [float(number) for output in scores.outputs for number in output.split()]
    # Without smoothing: log2 V = bits saved + loss.
    expected = np.log2(len(task.dictionary)) - scores.loss
    assert np.mean(bits) == pytest.approx(expected, abs=1e-3)
    assert scores.score == pytest.approx(max(0.0, np.mean(bits)))


def test_a_sentence_is_answered_with_a_label_and_its_probability(kinds: Path):
    task = load_task(str(kinds))
    model = task.build_model(MODEL, seed=1).eval()
    with torch.no_grad():
        alone = [task.answers(model, [text])[0] for text in ("We sleep.", "Does she see a dog?")]
        together = task.answers(model, ["We sleep.", "Does she see a dog?"])
    assert together == alone
    label, probability = alone[0].split("\t")
    assert label in task.labels
    assert 1 / len(task.labels) <= float(probability) <= 1


def test_a_mask_is_filled_with_a_word_and_all_else_stays(english: Path):
    task = load_task(str(english))
    model = task.build_model(MODEL, seed=1).eval()
    with torch.no_grad():
        filled, unmasked = task.answers(model, ["The <mask> sleeps.", "The dog sleeps."])
    assert unmasked == "the dog sleeps."
    assert filled.startswith("the")
    assert filled.endswith("sleeps.")
    assert "mask" not in filled
    assert len(filled) > len("the sleeps.")


def test_the_head_of_the_language_model_is_its_embedding_table(english: Path):
    model = load_task(str(english)).build_model(MODEL, seed=1)
    assert isinstance(model, ReservoirMaskedLM)
    assert model.output_weight is model.encoder.embed_tokens.weight
