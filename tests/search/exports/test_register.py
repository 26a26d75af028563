"""An export as a registered model in MLflow, loaded and served from code."""

from __future__ import annotations

import math
from pathlib import Path

import mlflow
import pytest
import yaml

from search.cli import app, exit_code
from search.exports.translate import Translator
from tests.search.conftest import RealExport, RealStudy

SENTENCES = ["Meine Schwester hat gelacht.", "", "Der Hund schläft."]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_registered_export_answers_sentences_and_holds_no_pickle(
    real_study: RealStudy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.chdir(real_study.place)
    export = tmp_path / "export"
    command = ["export", "mine", "--out", str(export), "--register", "tiny"]
    assert exit_code(lambda: app(command, standalone_mode=False)) == 0
    assert "registered in MLflow: models:/tiny/1" in capsys.readouterr().out
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{real_study.folder.mlflow_database}")
    mlflow.set_tracking_uri(None)
    model = mlflow.pyfunc.load_model("models:/tiny/1")
    assert model.predict(SENTENCES) == list(Translator(export).translate(SENTENCES, beam=5))
    assert model.predict(SENTENCES, {"beam": 1}) == list(
        Translator(export).translate(SENTENCES, beam=1)
    )
    signature = model.metadata.signature
    assert (len(signature.inputs), len(signature.outputs)) == (1, 1)
    folder = mlflow.artifacts.download_artifacts("models:/tiny/1")
    assert model.metadata.load_input_example(folder) is not None
    files = list(Path(folder).rglob("*"))
    assert not [file for file in files if file.suffix in (".pkl", ".pickle")]


def test_a_model_card_begins_with_metadata_and_its_tables_have_whole_rows(real_export: RealExport):
    card = (real_export.folder / "README.md").read_text()
    _, head, body = card.split("---\n", 2)
    values = yaml.safe_load(head)
    assert values["language"] == ["de", "en"]
    assert values["pipeline_tag"] == "translation"
    (metric,) = values["model-index"][0]["results"][0]["metrics"]
    assert metric["type"] == "bleu"
    assert not math.isnan(metric["value"])
    rows = [line for line in body.split("\n") if line.startswith("|")]
    assert len(rows) > 8
    assert {row.replace("\\|", "").count("|") for row in rows} == {3}
