"""Partly frozen layers, differences, other attentions: trained, exported, used, in fairseq."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from fairseq import checkpoint_utils
from safetensors.torch import load_file

from search.exports.export import export_layout
from search.exports.translate import Translator, open_export
from search.study.config import StudyConfig
from search.study.folder import StudyFolder
from search.study.ledger import Ledger
from search.study.trial_record import TrialRecord
from spaces.layout import Layout
from tests.search.replay.tables import candidates_of
from trainable.data.grammar.corpus import grammar
from trainable.data.prepare import prepare
from trainable.export_files import WEIGHTS
from trainable.model_size import param_counts

ENCODER, DECODER = "AL1+r2QL1+r2NP", "L1+r2L1Q"


def recorded_trial(
    tmp_path: Path, config: StudyConfig, make_record: Callable[..., TrialRecord]
) -> StudyFolder:
    """A study of one completed trial, which has the two layouts."""
    (candidate,) = candidates_of(config)
    study = StudyFolder(tmp_path / "study")
    study.path.mkdir()
    study.resolve(config, Path(config.data))
    trial = config.trial(candidate, data=config.data)
    layouts = {"encoder": Layout.parse(ENCODER), "decoder": Layout.parse(DECODER)}
    model = trial.model.model_copy(update=layouts)
    Ledger.open(study.trials).put(make_record(config=trial.model_copy(update={"model": model})))
    return study


def test_partly_frozen_layers_and_differences_are_exported_and_used(
    tiny_study: Callable[..., StudyConfig],
    make_record: Callable[..., TrialRecord],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)  # one thread: the model is too small for two
    data = tmp_path / "data"  # few sentences: an untrained model's translations are long
    prepare(lambda: grammar(seed=3, n_train=200, n_valid=2, n_test=2), data, n_merges=100)
    config = tiny_study(
        data=str(data),
        space={"depth": 5, "n_reservoirs": 0, "share_learned": "all+r2"},
        model={
            "reservoir_draw": "fairseq",
            "reservoir_dropout": "on",
            "attention": "linformer",
            "attention_sharing": "all",
        },
    )
    study = recorded_trial(tmp_path, config, make_record)

    folder, exported = export_layout(study, trial=None, out=None, train=True)
    assert str(exported.config.model.encoder) == ENCODER
    weights = load_file(folder / WEIGHTS)
    assert "encoder.layers.0.fc1.weight" in weights
    assert "encoder.layers.0.self_attn.q_proj.weight" not in weights
    assert weights["encoder.layers.1.fc1.up"].abs().max() > 0  # it has learned
    n_stored = param_counts(exported.config.model, exported.task).stored
    assert sum(tensor.numel() for tensor in weights.values()) == n_stored
    sentences = ["Der Hund schläft.", "", "Die Frau sieht das Haus."]
    assert len(list(Translator(folder).translate(sentences, beam=2))) == len(sentences)

    model = open_export(folder).model.eval()
    (theirs,), _, _ = checkpoint_utils.load_model_ensemble_and_task(
        [str(folder / "checkpoint.pt")], arg_overrides={"data": str(data)}
    )
    tokens, previous = torch.tensor([[5, 6, 7, 2]]), torch.tensor([[2, 5]])
    ours, fairseqs = (one.eval()(tokens, torch.tensor([4]), previous)[0] for one in (model, theirs))
    assert torch.equal(ours, fairseqs)
