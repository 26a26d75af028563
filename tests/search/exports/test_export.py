"""Exports: of the real study's best trial, and of trials that need no Ray."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tomllib
import zipfile
from pathlib import Path

import pytest
import torch
from sacrebleu import corpus_bleu
from safetensors import safe_open
from safetensors.torch import load_file

import trainable
from search.cli import app, exit_code
from search.exports.full_training import train_in_full
from search.exports.layout_file import read_layout_toml
from search.exports.translate import Translator
from search.study.kept_weights import trial_dirname
from tests.search.command_line import COMMAND, environment, reservoir_search
from tests.search.conftest import RealExport, RealStudy
from trainable.checkpoint import load_checkpoint, save_checkpoint
from trainable.config import Budget, TrialConfig
from trainable.export_files import exported_config
from trainable.ranks import Ranks
from trainable.tasks.translation import FINAL_BEAM
from trainable.training import Training

pytestmark = pytest.mark.timeout(600)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line that the command line prints on a user's mistake; the exit code is 2."""
    assert exit_code(lambda: app(list(arguments), standalone_mode=False)) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("error: ")
    assert output.err.count("\n") == 1
    return output.err


def test_an_export_is_whole(real_export: RealExport):
    assert {path.name for path in real_export.folder.iterdir()} == {
        *("README.md", "layout.toml", "config.json", "scores.json", "manifest.json"),
        *("model.safetensors", "checksums.json", "checkpoint.pt", "fairseq-train.sh"),
        *("bpe.codes", "dict.de.txt", "dict.en.txt"),
    }
    layout = tomllib.loads((real_export.folder / "layout.toml").read_text())
    assert layout["encoder"] == real_export.record.canonical
    assert layout["n_params_total"] == real_export.record.counts.total
    read = read_layout_toml(real_export.folder / "layout.toml")
    assert read.config == TrialConfig.model_validate(real_export.record.config).model
    weights = load_file(real_export.folder / "model.safetensors")
    assert {name: p.shape for name, p in read.build().named_parameters()} == {
        name: weight.shape for name, weight in weights.items()
    }


def test_no_file_of_an_export_names_a_folder_above_it_and_its_data(
    real_study: RealStudy, real_export: RealExport
):
    config = real_export.record.config
    written = json.loads((real_export.folder / "config.json").read_text())["data"]
    assert written.startswith("../")
    assert exported_config(real_export.folder, "the export").data == config.data
    assert exported_config(real_export.folder, "the export") == config
    place = os.path.commonpath([real_export.folder, config.data])
    names = (place, real_study.place, Path(trainable.__file__).parent)
    for file in real_export.folder.iterdir():
        assert not [name for name in names if str(name).encode() in plain(file)], file


def plain(file: Path) -> bytes:
    """Contents of a file; those of a checkpoint without its compression."""
    if file.suffix != ".pt":
        return file.read_bytes()
    with zipfile.ZipFile(file) as archive:
        return b"".join(archive.read(name) for name in archive.namelist())


def test_the_weights_are_those_of_the_best_validation_and_no_reservoirs(
    real_study: RealStudy, real_export: RealExport
):
    (kept,) = real_study.folder.ray.glob(
        f"session-*/{trial_dirname(real_export.record.id)}/checkpoint_*/best.safetensors"
    )
    best, exported = load_file(kept), load_file(real_export.folder / "model.safetensors")
    assert exported.keys() == best.keys()
    assert all(torch.equal(exported[name], best[name]) for name in best)
    n_stored = sum(weight.numel() for weight in exported.values())
    assert n_stored == real_export.record.counts.stored
    with safe_open(real_export.folder / "model.safetensors", "pt") as file:
        assert file.metadata() == {"reservoir_seed": str(real_export.record.config.seed)}


def test_the_fairseq_checkpoint_loads_without_unpickling_and_has_the_same_weights(
    real_export: RealExport,
):
    checkpoint = torch.load(real_export.folder / "checkpoint.pt", weights_only=True)
    weights = load_file(real_export.folder / "model.safetensors")
    assert all(torch.equal(checkpoint["model"][name], weights[name]) for name in weights)


def test_the_quoted_score_is_that_of_the_translations(real_export: RealExport, small_grammar: Path):
    scores = json.loads((real_export.folder / "scores.json").read_text())
    sources, references = (
        (small_grammar / f"valid.raw.{side}").read_text().splitlines() for side in ("de", "en")
    )
    translations = list(Translator(real_export.folder).translate(sources, beam=FINAL_BEAM))
    bleu = corpus_bleu(translations, [references], lowercase=True).score
    assert scores["score_valid"] == pytest.approx(bleu, abs=1e-6)
    assert f"{bleu:.2f} on the validation set" in real_export.stdout


def test_an_export_is_never_overwritten(
    real_study: RealStudy,
    real_export: RealExport,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.chdir(real_study.place)
    before = (real_export.folder / "model.safetensors").stat().st_mtime_ns
    assert "studies/mine/export exists" in refused(capsys, "export", "mine")
    assert (real_export.folder / "model.safetensors").stat().st_mtime_ns == before


def test_trials_without_weights_are_refused(
    real_study: RealStudy,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.chdir(real_study.place)
    out = ("--out", "other")
    assert "--trial 99: the study has trials 0 to" in refused(
        capsys, "export", "mine", "--trial", "99", *out
    )
    failed = next(record.id for record in real_study.records if record.state == "failed")
    assert "only the best trials' weights are kept" in refused(
        capsys, "export", "mine", "--trial", str(failed), *out
    )
    assert not (real_study.place / "other").exists()


def test_translations_keep_the_order_and_the_empty_lines(
    real_study: RealStudy, real_export: RealExport
):
    sentences = ["Der Hund schläft.", "", "   ", "Die Frau sieht das Haus nicht."]
    together = reservoir_search(
        "translate", str(real_export.folder), cwd=real_study.place, stdin="\n".join(sentences)
    )
    assert together.returncode == 0, together.stderr
    lines = together.stdout.split("\n")
    assert len(lines) == 5
    assert lines[1] == lines[2] == lines[4] == ""
    # The same batch: fairseq bounds the length by the longest source in it.
    backwards = Translator(real_export.folder).translate([sentences[3], sentences[0]], beam=5)
    assert list(backwards) == [lines[3], lines[0]]


def test_strange_sentences_have_a_translation_each(real_export: RealExport):
    strange = ["\u4f60\u597d \U0001f600", "a\u2028b", "\x00", "@@ @-@ &amp;", "Hund"]
    translations = list(Translator(real_export.folder).translate(strange, beam=1))
    assert len(translations) == len(strange)
    assert not any("\n" in translation for translation in translations)


def test_text_that_is_not_utf8_is_one_clear_line(real_study: RealStudy, real_export: RealExport):
    done = subprocess.run(
        [*COMMAND, "translate", str(real_export.folder)],
        cwd=real_study.place,
        input="Der Hund schläft.\n".encode("latin-1"),
        capture_output=True,
        check=False,
        env=environment(),
    )
    assert done.returncode == 2, done.stderr.decode()[-300:]
    assert done.stderr.startswith(b"error: ")
    assert done.stderr.count(b"\n") == 1


def test_an_export_of_an_earlier_version_is_still_used(real_export: RealExport, tmp_path: Path):
    old = tmp_path / "old"
    shutil.copytree(real_export.folder, old)
    later = ("embedding_dim", "reservoir_density", "reservoir_backward", "src_rows", "tgt_rows")
    lines = (old / "layout.toml").read_text().splitlines(keepends=True)
    (old / "layout.toml").write_text("".join(one for one in lines if not one.startswith(later)))
    config = json.loads((old / "config.json").read_text())
    for name in later:
        config["model"].pop(name, None)
    (old / "config.json").write_text(json.dumps(config))
    sentences = ["Der Hund schläft.", "Die Frau sieht das Haus."]
    new = Translator(real_export.folder).translate(sentences, beam=1)
    assert list(Translator(old).translate(sentences, beam=1)) == list(new)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "manifest.json"])
def test_half_an_export_is_one_clear_line(
    real_export: RealExport, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
):
    half = tmp_path / "half"
    shutil.copytree(real_export.folder, half)
    (half / name).write_bytes((half / name).read_bytes()[:100])
    assert str(half) in refused(capsys, "translate", str(half))


def test_full_training_goes_on_from_where_it_was_killed(tiny_trial: TrialConfig, tmp_path: Path):
    # The unbroken training first: it sets the number of threads, on which the last digits depend.
    unbroken_curve, unbroken = train_in_full(tiny_trial, tmp_path / "unbroken")
    folder = tmp_path / "trial-0000"
    (folder / "checkpoint_000000004").mkdir(parents=True)
    killed = Training(tiny_trial, ranks=Ranks())
    next(killed.points())
    save_checkpoint(killed.checkpoint(), folder / "checkpoint_000000004")
    (folder / ".building-abc").mkdir()  # left by an interrupted save
    curve, weights = train_in_full(tiny_trial, folder)
    assert [point.updates for point in curve] == [point.updates for point in unbroken_curve]
    assert all(torch.equal(weights[name], unbroken[name]) for name in unbroken)
    assert [path.name for path in folder.iterdir()] == ["checkpoint_000000012"]


def test_a_broken_checkpoint_makes_way_for_the_one_that_is_written_again(
    tiny_trial: TrialConfig, tmp_path: Path
):
    short = tiny_trial.model_copy(update={"budget": Budget(updates=4)})
    broken = tmp_path / "checkpoint_000000004"
    broken.mkdir()
    (broken / "progress.json").write_text("{")
    train_in_full(short, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint_000000004"]
    assert load_checkpoint(broken).finished
