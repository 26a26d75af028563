"""The command `dynamics`: of layouts and of exports, in numbers, as tables, as a picture."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from search.cli import app, exit_code
from search.dynamics.measures_table import verdict
from trainable.checkpoint import learned_weights
from trainable.config import TrialConfig
from trainable.dynamics.measure import Band
from trainable.export_files import CONFIG, WEIGHTS
from trainable.models.build import build_model
from trainable.tasks.registry import load_task

SMALL = ["--d-model", "16", "--ffn", "24", "--heads", "2"]
FEW = ["--sentences", "3", "--passes", "2", "--exponents", "2"]


def output_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert exit_code(lambda: app(["dynamics", *arguments], standalone_mode=False)) == 0
    return capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert exit_code(lambda: app(["dynamics", *arguments], standalone_mode=False)) == 2
    return capsys.readouterr().err


@pytest.fixture(scope="module")
def export(tiny_trial: TrialConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of an export that its model is read from; its weights are of another seed."""
    folder = tmp_path_factory.mktemp("dynamics") / "export"
    folder.mkdir()
    corpus = load_task(tiny_trial.data).corpus
    model = build_model(
        tiny_trial.model, src_dict=corpus.src_dict, tgt_dict=corpus.tgt_dict, seed=99
    )
    save_file(learned_weights(model), folder / WEIGHTS)
    (folder / CONFIG).write_text(tiny_trial.model_dump_json())
    manifest = corpus.manifest
    for name in (f"dict.{manifest.src}.txt", f"dict.{manifest.tgt}.txt"):
        shutil.copyfile(corpus.folder / name, folder / name)
    manifest.save(folder)
    return folder


def test_json_has_every_curve_at_every_depth(capsys, small_grammar):
    text = output_of(capsys, "R1LR1L", "--data", str(small_grammar), "--json", *SMALL, *FEW)
    found = json.loads(text, parse_constant=pytest.fail)  # no NaN, no Infinity
    assert (found["encoder"], found["norm"], found["trained_depth"]) == ("R1LR1L", "post", 4)
    (curves,) = found["models"].values()
    assert len(curves.pop("pooled_dimension")) == 9
    assert len(curves.pop("lyapunov_of_pass")["median"]) == 3
    spectrum = curves["spectrum"]["median"]
    assert spectrum[0] == [None, None]
    assert [row[0] for row in spectrum] == curves["lyapunov"]["median"]
    for name, band in curves.items():
        assert {len(values) for values in band.values()} == {9}, name
        if name != "spectrum":
            quartiles = zip(band["lower"][1:], band["median"][1:], band["upper"][1:], strict=True)
            assert all(lower <= median <= upper for lower, median, upper in quartiles), name


def test_an_export_is_measured_trained_and_as_it_started(capsys, export, tiny_trial):
    models = json.loads(output_of(capsys, str(export), "--json", *FEW))["models"]
    assert list(models) == ["trained", "untrained"]
    assert models["trained"]["lyapunov"] != models["untrained"]["lyapunov"]
    model = tiny_trial.model
    same = ["--d-model", "16", "--ffn", "32", "--heads", "2", "--norm", "pre", "--seed", "5"]
    layout = output_of(capsys, str(model.encoder), "--data", tiny_trial.data, "--json", *same, *FEW)
    assert json.loads(layout)["models"]["untrained"] == models["untrained"]


def test_the_table_shows_each_trained_depth_and_the_end_of_each_later_pass(capsys, export):
    text = output_of(capsys, str(export), *FEW)
    rows = [line.split()[0] for line in text.splitlines() if line.strip()[:1].isdigit()]
    assert rows == 2 * ["0", "1", "2", "3", "4", "8"]
    assert "trained R1LR1L, pre-norm, 3 sentences of" in text
    assert text.count("spectrum to depth 8:") == 2


def test_the_picture_is_a_png(capsys, export, tmp_path):
    output_of(capsys, str(export), "--png", str(tmp_path / "curves"), *FEW)
    assert (tmp_path / "curves").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("passes", "words"),
    [
        ([0.1, 0.2], "expands throughout"),
        ([-0.1, -0.2], "contracts throughout"),
        ([0.1, 0.2, 0.0, -0.1], "expands at first and contracts at the end, a transient"),
        ([0.1, -0.1, 0.2, -0.1], "neither expands nor contracts throughout"),
        ([0.1, 0.0], "neither expands nor contracts throughout"),
        ([-0.1, 0.2], "neither expands nor contracts throughout"),
    ],
)
def test_the_passes_are_summed_up_in_words(passes, words):
    curve = torch.tensor([float("nan"), *passes])
    assert verdict(Band(lower=curve - 0.05, median=curve, upper=curve + 0.05)) == words


def test_a_users_mistakes_are_reported_before_anything_is_measured(
    capsys, export, small_grammar, tmp_path
):
    data = ["--data", str(small_grammar)]
    assert "give --data FOLDER" in refused(capsys, "RL")
    assert "unknown layer kind 'X' at depth 1" in refused(capsys, "RX", *data)
    assert "there is no such folder" in refused(capsys, "studies/none/export")
    assert "--seed: " in refused(capsys, str(export), "--seed", "2")
    assert "is no export" in refused(capsys, str(tmp_path))
    assert "multiple of 2 x heads" in refused(capsys, "RL", *data, "--heads", "3")
    assert "--reservoir-gain 0.0: must be positive" in refused(
        capsys, "RL", *data, "--reservoir-gain", "0"
    )
    assert "has 28 at d_model 16" in refused(capsys, "RL", *data, *SMALL, "--exponents", "29")
    assert "--png" in refused(capsys, "RL", *data, "--png", str(tmp_path / "none" / "a.png"))


def test_data_with_another_dictionary_is_refused(capsys, export, tmp_path):
    from trainable.data.grammar.corpus import grammar
    from trainable.data.prepare import prepare

    other = tmp_path / "other"
    prepare(lambda: grammar(seed=4, n_train=90, n_valid=5, n_test=5), other, n_merges=20)
    assert "its source dictionary is not that of" in refused(
        capsys, str(export), "--data", str(other)
    )
