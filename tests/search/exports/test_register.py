"""An export as a model of MLflow: registered, loaded, served."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

import mlflow.pyfunc
import pytest
import torch
from mlflow.tracking import MlflowClient
from mlflow.types import DataType

from search.cli import app, exit_code
from search.exports.predict import Predictor, answers_of
from search.exports.register import requirements
from search.exports.translate import Translator
from search.study.folder import StudyFolder
from search.study.ledger import Ledger, sorted_records
from search.study.ranking import best_trial
from search.study.trial_record import TrialRecord
from search.tracking.runs import study_runs
from search.tracking.tracking import Tracking
from tests.encoder_exports import write_export_of
from tests.ports import free_port
from tests.search.command_line import environment
from trainable.private.mlflow import store_in_use
from trainable.sentences import MASK
from trainable.tasks.registry import load_task

NAME = "Deutsch-Englisch, klein"


@dataclass(frozen=True)
class ExportedStudy:
    """A study of two trials, the best of which is exported with untrained weights."""

    folder: StudyFolder
    best: TrialRecord

    @property
    def store(self) -> str:
        return f"sqlite:///{self.folder.mlflow_database}"

    def export(self, *options: str) -> int:
        """Exit code of ``export``."""
        arguments = ["export", str(self.folder.path), *options]
        return exit_code(lambda: app(arguments, standalone_mode=False))


@pytest.fixture
def study(recorded_study: Callable[..., StudyFolder]) -> ExportedStudy:
    space = {
        "depth": [3],
        "n_reservoirs": [0, 1],
        "interleaving": ["top"],
        "share_learned": ["all"],
    }
    folder = recorded_study("mine", space=space)
    best = best_trial(sorted_records(folder.trials), folder.config().objective)
    assert best is not None
    write_export_of(best.config, folder.export)
    torch.save({"model": torch.zeros(2)}, folder.export / "checkpoint.pt")
    return ExportedStudy(folder, best)


def record_in_mlflow(folder: StudyFolder) -> None:
    """Make the study's runs in its own store."""
    folder.study_file.touch()
    with Ledger.in_order(folder.trials) as ledger:
        tracking = Tracking.start(folder.config(), folder, ledger)
        assert tracking.close("FINISHED", metrics={}, tags={})


@contextmanager
def served(store: str, model: str, folder: Path) -> Iterator[Callable[[list[str]], list[str]]]:
    """Function that asks the model's server, which ends afterwards with its processes."""
    port = str(free_port())
    options = ("--model-uri", model, "--port", port, "--env-manager", "local")
    scripts = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # where uvicorn is
    with (folder / "serve.log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "models", "serve", *options],
            env=environment(MLFLOW_TRACKING_URI=store, PATH=scripts),
            cwd=folder,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def ask(sentences: list[str]) -> list[str]:
        body = json.dumps({"inputs": sentences}).encode()
        url, header = f"http://127.0.0.1:{port}/invocations", {"Content-Type": "application/json"}
        while True:
            try:
                with urlopen(Request(url, body, header), timeout=60) as answer:
                    found: list[str] = json.load(answer)["predictions"]
                    return found
            except URLError:  # it has not started yet
                assert server.poll() is None, (folder / "serve.log").read_text()[-2000:]
                time.sleep(0.2)

    try:
        yield ask
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=30)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_registered_export_answers_in_mlflow_as_translate_does(
    study: ExportedStudy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    record_in_mlflow(study.folder)
    for version in (1, 2):
        assert study.export("--register", NAME) == 0
        assert f"models:/{NAME}/{version} at" in capsys.readouterr().out
    client, model = MlflowClient(study.store), f"models:/{NAME}/2"
    runs = study_runs(client, study.folder, sorted_records(study.folder.trials))
    (run,) = runs.of_trials[study.best.id]
    assert client.get_model_version(NAME, "2").run_id == run.info.run_id
    assert run.outputs is not None
    assert len(run.outputs.model_outputs) == 2

    task = load_task(study.best.config.data)
    sentences = [*(Path(study.best.config.data) / "test.raw.de").read_text().splitlines()[:3], ""]
    translations = list(Translator(study.folder.export).translate(sentences, beam=5))
    (place := tmp_path / "loaded").mkdir()
    with store_in_use(study.store):
        loaded = mlflow.pyfunc.load_model(model, dst_path=str(place))
    assert loaded.predict(sentences) == translations
    assert loaded.input_example == [task.example("test")]
    signature = loaded.metadata.signature
    assert signature.inputs.input_types() == signature.outputs.input_types() == [DataType.string]

    files = [path for path in place.rglob("*") if path.is_file()]
    assert "model.safetensors" in {path.name for path in files}
    assert not [path for path in files if zipfile.is_zipfile(path) or is_pickle(path)]
    with served(study.store, model, place) as ask:
        assert ask(sentences) == translations

    assert study.export("--register", "a/b") == 2
    assert "--register 'a/b': Invalid model name" in capsys.readouterr().err


def is_pickle(path: Path) -> bool:
    """True if a file begins and ends as pickles of protocol 2 and later do."""
    content = path.read_bytes()
    return content[:1] == b"\x80" and 2 <= content[1] <= 5 and content[-1:] == b"."


@pytest.mark.slow
def test_a_store_that_cannot_be_reached_is_told_before_anything_is_exported(
    study: ExportedStudy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address := f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    assert study.export("--register", NAME, "--out", "new") == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: MLflow at {address}: ")
    assert error.count("\n") == 1


def test_a_folder_that_holds_another_export_is_not_registered(
    study: ExportedStudy, capsys: pytest.CaptureFixture[str]
):
    other = next(one.id for one in sorted_records(study.folder.trials) if one.id != study.best.id)
    for options, wanted in (
        (("--trial", str(other)), f"trial {other}"),
        (("--train",), f"trial {study.best.id}, trained in full"),
    ):
        if options == ("--train",):
            scores = {"n_updates": 4, "trained_in_full": False, "signature": "s"}
            numbers = dict.fromkeys(("score_valid", "score_test", "loss_valid", "loss_test"), 1.0)
            (study.folder.export / "scores.json").write_text(json.dumps(scores | numbers))
        assert study.export("--register", NAME, *options) == 2
        assert f"is not the export of {wanted}; name" in capsys.readouterr().err
    assert not study.folder.mlflow_database.exists()


def test_a_model_answers_as_the_command_of_its_task(kinds_export: Path, language_export: Path):
    for export in (kinds_export, language_export):
        data = json.loads((export / "config.json").read_text())["data"]
        sentences = [load_task(data).example("test"), ""]
        assert list(answers_of(export)(sentences)) == list(Predictor(export).answers(sentences))
        assert (MASK in sentences[0]) == (export == language_export)


def test_a_model_requires_what_we_depend_on_in_the_installed_versions():
    found = dict(line.split("==") for line in requirements())
    assert {"mlflow", "ray[tune]", "torch", "ve-fairseq", "safetensors"} <= found.keys()
    assert not {"boto3", "pytest"} & found.keys()
    assert found["torch"] == metadata.version("torch").partition("+")[0]
