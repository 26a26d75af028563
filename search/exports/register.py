"""An export as a model of MLflow: logged on its trial's run, registered under a name."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory

import mlflow.pyfunc
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.models import Model
from mlflow.tracking import MlflowClient
from pydantic import ValidationError

import search
import spaces
import trainable
from search.exports import mlflow_model
from search.exports.export import chosen_trial, export_layout
from search.exports.exported import Exported
from search.exports.exported_scores import SCORES, ExportedScores
from search.exports.full_training import full_config
from search.study.config import StudyConfig
from search.study.folder import StudyFolder
from search.study.ledger import sorted_records
from search.study.trial_record import TrialRecord
from search.tracking.experiment import open_experiment
from search.tracking.runs import study_runs
from search.tracking.store import mlflow_errors_as_user_errors, open_store, tracking_uri
from spaces.errors import DamagedData, UserError
from trainable.config import TrialConfig
from trainable.data.bounded import read_values
from trainable.export_files import exported_config
from trainable.private.mlflow import store_in_use
from trainable.tasks.registry import load_task

# Only fairseq's tools read it; it is a pickle, and every other file of the model is none.
_LEFT_OUT = ("checkpoint.pt",)
_REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)(?P<extras>\[[\w,-]+\])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A version of a registered model, and the export that it was made of."""

    name: str
    version: int
    store: str  # tracking URI
    folder: Path
    record: TrialRecord
    exported: Exported | None  # None where the folder was there before


def register_export(
    folder: StudyFolder, *, name: str, trial: int | None, out: Path | None, train: bool
) -> Registered:
    """Register a trial's export in the study's MLflow store, as the next version of ``name``.

    It is written as by ``export_layout``, whose arguments these are, unless it is there.

    Raises:
        UserError: the store cannot be reached, MLflow does not allow the name, or the folder
            holds something else; else as ``export_layout``.
        WorkFailed: the full training diverged.
    """
    study = folder.config()
    record = chosen_trial(folder, study, trial)
    target, exported = out or folder.export, None
    is_there = target.exists()
    if is_there:
        _check_export(target, study, record, train=train)
    uri = tracking_uri(study, folder)
    with mlflow_errors_as_user_errors(uri):
        client = open_store(uri, folder)
        _check_name(client, name)
    if not is_there:
        target, exported = export_layout(folder, trial=record.id, out=out, train=train)
    with mlflow_errors_as_user_errors(uri), store_in_use(uri):
        version = _log_and_register(client, folder, target, record, name)
    return Registered(
        name=name, version=version, store=uri, folder=target, record=record, exported=exported
    )


def requirements() -> list[str]:
    """Requirements of the model for pip: our own dependencies in their installed versions."""
    needed = (line for line in metadata.requires("reservoir-search") or () if ";" not in line)
    return [_pinned(line) for line in needed]


def _pinned(requirement: str) -> str:
    """``ray[tune]==2.60.0`` of ``ray[tune]>=2``; torch's build, as ``+cpu``, is the machine's."""
    found = _REQUIREMENT.match(requirement)
    assert found is not None
    version = metadata.version(found["name"]).partition("+")[0]
    return f"{found[0]}=={version}"


def _check_name(client: MlflowClient, name: str) -> None:
    """Refuse, before anything is exported, a name that MLflow does not allow.

    Raises:
        UserError: MLflow does not allow the name.
        MlflowException: the store cannot be reached.
    """
    try:
        client.get_registered_model(name)
    except MlflowException as error:
        if error.error_code == "INVALID_PARAMETER_VALUE":
            reason = " ".join(error.message.split()).rstrip(".")
            raise UserError(f"--register {name!r}: {reason}; give another name") from error
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise


def _check_export(target: Path, study: StudyConfig, record: TrialRecord, *, train: bool) -> None:
    """Check that a folder is the trial's export, trained in full where ``train`` asks for it.

    Raises:
        UserError: it is something else.
    """
    found = _compared(exported_config(target, "the folder"))
    full = _compared(full_config(study, record.config))
    is_trials = found == full or (found == _compared(record.config) and not train)
    if not is_trials or (train and not _is_trained_in_full(target)):
        wanted = f"trial {record.id}, trained in full" if train else f"trial {record.id}"
        raise UserError(
            f"{target}: is there and is not the export of {wanted}; "
            "name its trial with --trial, or another folder with --out"
        )


def _compared(config: TrialConfig) -> tuple[object, ...]:
    """Settings that decide a training, without the places and machines that it had."""
    return config.model, config.train, config.budget, config.seed


def _is_trained_in_full(export: Path) -> bool:
    try:
        return ExportedScores.model_validate_json(read_values(export / SCORES)).trained_in_full
    except (OSError, ValidationError) as error:
        raise UserError(f"{export}: {SCORES} is missing or damaged; export it again") from error


def _log_and_register(
    client: MlflowClient, folder: StudyFolder, export: Path, record: TrialRecord, name: str
) -> int:
    """Log the model on the trial's run, or where it has none in the study's experiment.

    Returns:
        The version of the registered model.

    Raises:
        MlflowException: MLflow cannot be reached.
    """
    experiment = open_experiment(client, folder)
    run = _run_of(client, folder, record)
    model = client.create_logged_model(
        str(experiment.experiment_id),
        name=f"trial-{record.id:03d}",
        source_run_id=run.info.run_id if run else None,
        params=run.data.params if run else None,
    )
    example = _example(export)
    with _served_files(export) as files:
        logged = Model.log(
            artifact_path=None,
            flavor=mlflow.pyfunc,
            registered_model_name=name,
            run_id=run.info.run_id if run else None,
            model_id=model.model_id,
            python_model=mlflow_model.__file__,
            artifacts={mlflow_model.EXPORT: str(files)},
            code_paths=[package.__path__[0] for package in (search, spaces, trainable)],
            pip_requirements=requirements(),
            input_example=None if example is None else [example],
        )
    return int(logged.registered_model_version)


def _run_of(client: MlflowClient, folder: StudyFolder, record: TrialRecord) -> Run | None:
    """The trial's latest run in MLflow; None if it has none there."""
    runs = study_runs(client, folder, sorted_records(folder.trials))
    return next(iter(runs.of_trials.get(record.id, ())), None)


def _example(export: Path) -> str | None:
    """First sentence of the test set; None if the data are not there any more."""
    try:
        return load_task(exported_config(export, "the folder").data).example("test")
    except DamagedData:
        return None


@contextmanager
def _served_files(export: Path) -> Iterator[Path]:
    """Copy of the export's files but for those that are not served."""
    with TemporaryDirectory() as place:
        files = Path(place) / mlflow_model.EXPORT
        shutil.copytree(export, files, ignore=shutil.ignore_patterns(*_LEFT_OUT))
        yield files
