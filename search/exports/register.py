"""An export as a registered model in MLflow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import mlflow
from mlflow.models import Model, ModelSignature
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema

import search
import spaces
import trainable
from search.exports.exported import Exported
from search.study.folder import StudyFolder
from search.tracking.store import mlflow_errors_as_user_errors, open_store, tracking_uri
from spaces.errors import UserError
from trainable.tasks.translation import FINAL_BEAM, Translation


def register(folder: StudyFolder, export: Path, exported: Exported, name: str) -> str:
    """Log an export as a model of its trial's run, and register it; the model's address.

    Raises:
        UserError: the trial has no run, or MLflow refuses the name or cannot be reached.
    """
    run_id = exported.record.mlflow_run_id
    if run_id is None:
        raise UserError(
            f"--register {name}: trial {exported.record.id} has no run in MLflow yet; send it "
            f"with: reservoir-search resume {folder.argument}"
        )
    uri = tracking_uri(folder.config(), folder)
    with mlflow_errors_as_user_errors(uri), _tracked_at(uri):
        experiment = open_store(uri, folder).get_run(run_id).info.experiment_id
        mlflow.set_experiment(experiment_id=experiment)
        model = Model.log(
            artifact_path=None,
            name=name,
            flavor=mlflow.pyfunc,
            run_id=run_id,
            registered_model_name=name,
            **_model(export, exported),
        )
    return f"models:/{name}/{model.registered_model_version}"


def _model(export: Path, exported: Exported) -> dict[str, Any]:
    """Arguments of MLflow's ``save_model``: a model from code, so that nothing is pickled."""
    packages = (search, trainable, spaces)
    requirements = metadata.requires("reservoir-search") or []
    version, _, _ = metadata.version("torch").partition("+")  # "+cpu" is not on every index
    return {
        "python_model": str(Path(__file__).with_name("mlflow_model.py")),
        "artifacts": {"export": str(export.resolve())},
        "code_paths": [package.__path__[0] for package in packages],
        "pip_requirements": [
            f"torch=={version}",
            *(needed for needed in requirements if "extra ==" not in needed),
        ],
        "signature": _signature(exported),
        "input_example": _example(exported),
    }


def _signature(exported: Exported) -> ModelSignature:
    text = Schema([ColSpec(DataType.string)])
    beam = ParamSchema([ParamSpec("beam", DataType.long, FINAL_BEAM)])
    is_translation = isinstance(exported.task, Translation)
    return ModelSignature(inputs=text, outputs=text, params=beam if is_translation else None)


def _example(exported: Exported) -> list[str] | None:
    """The first sentence of the validation set."""
    if not isinstance(exported.task, Translation):
        return None
    corpus = exported.task.corpus
    return corpus.raw("valid", corpus.manifest.sides[0])[:1]


@contextmanager
def _tracked_at(uri: str) -> Iterator[None]:
    """Have MLflow's functions without a client use ``uri`` while the context lasts."""
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(uri)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(before)
