"""Training starts from an export's encoder, if it is the same encoder for the same words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from spaces.errors import UserError
from tests.encoder_exports import encoder_trial, write_export
from trainable.checkpoint import learned_weights
from trainable.config import TrialConfig
from trainable.data.grammar.kinds import grammar_sentences
from trainable.data.prepare_sentences import prepare_sentences
from trainable.model_size import candidate_size
from trainable.ranks import Ranks
from trainable.tasks.registry import load_task
from trainable.training import Training


def trial_on(
    folder: Path, *, seed: int = 7, init_from: Path | None = None, **model: Any
) -> TrialConfig:
    train = {"batch_tokens": 256, "init_from": None if init_from is None else str(init_from)}
    return encoder_trial(folder, seed=seed, train=train, **model)


@pytest.fixture(scope="module")
def labelled(language_export: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sentences with labels in the words of the export."""
    out = tmp_path_factory.mktemp("labelled") / "data"
    prepare_sentences(
        lambda: grammar_sentences(seed=4, n_train=100, n_valid=9, n_test=9, with_kinds=True),
        out,
        task="classification",
        n_merges=10,
        vocabulary=language_export,
    )
    return out


def test_the_encoder_is_the_exports_and_the_head_is_new(labelled: Path, language_export: Path):
    trial = trial_on(labelled, init_from=language_export)
    started = learned_weights(Training(trial, ranks=Ranks())._model)
    from_scratch = learned_weights(load_task(str(labelled)).build_model(trial.model, seed=7))
    exported = load_file(language_export / "model.safetensors")
    for name, tensor in started.items():
        expected = exported[name] if name.startswith("encoder.") else from_scratch[name]
        assert torch.equal(tensor, expected), name
    assert any(not torch.equal(started[name], from_scratch[name]) for name in exported)


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"encoder": "LLLL"}, "model.encoder is R1LR1L there and LLLL in the trial"),
        ({"ffn": 64}, "model.ffn is 32 there and 64 in the trial"),
        ({"reservoir_gain": 2.0}, "model.reservoir_gain is 1.0 there and 2.0"),
        ({"seed": 8}, "its frozen random weights are of seed 7, and the trial's of seed 8"),
    ],
)
def test_another_encoder_is_refused_before_it_trains(
    labelled: Path, language_export: Path, changed: dict[str, Any], fault: str
):
    with pytest.raises(UserError, match=fault):
        candidate_size(trial_on(labelled, init_from=language_export, **changed))


@pytest.mark.parametrize("encoder", ["LL", "L1L1", "PL"])
def test_random_features_of_another_seed_are_refused(
    labelled: Path, english: Path, tmp_path: Path, encoder: str
):
    """A Performer's features are in no checkpoint: they are drawn from the seed."""
    model = {"encoder": encoder, "attention": "performer"}
    export = write_export(english, tmp_path / "export", **model)
    with pytest.raises(UserError, match=r"frozen random weights are of seed 7.*; set seed = 7"):
        candidate_size(trial_on(labelled, init_from=export, seed=8, **model))
    candidate_size(trial_on(labelled, init_from=export, seed=7, **model))


def test_settings_that_change_nothing_may_differ_and_so_may_the_seed(
    labelled: Path, english: Path, tmp_path: Path
):
    export = write_export(english, tmp_path / "export", encoder="LL", attention_features=32)
    changed = {"encoder": "LL", "attention_length": 5, "reservoir_gain": 2.0}
    candidate_size(trial_on(labelled, init_from=export, seed=8, **changed))


def test_other_words_are_refused_with_the_remedy(language_export: Path, tmp_path: Path):
    other = tmp_path / "other"
    prepare_sentences(
        lambda: grammar_sentences(seed=4, n_train=60, n_valid=9, n_test=9, with_kinds=True),
        other,
        task="classification",
        n_merges=10,
    )
    with pytest.raises(UserError, match="prepare the data with --vocabulary"):
        candidate_size(trial_on(other, init_from=language_export))


def test_a_folder_that_is_no_export_is_refused(labelled: Path, tmp_path: Path):
    with pytest.raises(UserError, match="is no export"):
        candidate_size(trial_on(labelled, init_from=tmp_path))
