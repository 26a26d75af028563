"""MLflow's experiment of a study, and the study's parent run in it."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass

from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.tracking import MlflowClient

from search.study.config import StudyConfig
from search.study.folder import StudyFolder

STUDY = "reservoir_search.study"


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRun:
    """Parent run of a study in MLflow; its children are the trials' runs."""

    client: MlflowClient
    experiment_id: str
    id: str

    @classmethod
    def open(cls, client: MlflowClient, config: StudyConfig, folder: StudyFolder) -> StudyRun:
        """Open the study's run, or create it if there is none."""
        experiment_id = _experiment(client, config, folder)
        found = client.search_runs(
            [experiment_id], filter_string=f"tags.`{STUDY}` = '{folder.id()}'", max_results=1
        )
        if found:
            run = found[0]
            client.update_run(run.info.run_id, status="RUNNING")
        else:
            run = _make_run(client, config, folder, experiment_id)
        _describe(client, config, folder, run)
        return cls(client=client, experiment_id=experiment_id, id=str(run.info.run_id))

    def end(self, status: str, *, metrics: Mapping[str, float], tags: Mapping[str, str]) -> None:
        """Record the study's totals and end its run.

        Args:
            status: MLflow's status: FINISHED, FAILED or KILLED.
            metrics, tags: totals of the study.
        """
        now_ms = round(1000 * time.time())
        self.client.log_batch(
            self.id,
            metrics=[Metric(name, value, now_ms, 0) for name, value in metrics.items()],
            tags=[RunTag(name, value) for name, value in tags.items()],
        )
        self.client.set_terminated(self.id, status)


def _experiment(client: MlflowClient, config: StudyConfig, folder: StudyFolder) -> str:
    experiment = client.get_experiment_by_name(config.name)
    if experiment is not None:
        return str(experiment.experiment_id)
    is_local = client.tracking_uri.startswith("sqlite:")
    location = folder.mlflow_artifacts.resolve().as_uri() if is_local else None
    return str(client.create_experiment(config.name, artifact_location=location))


def _make_run(
    client: MlflowClient, config: StudyConfig, folder: StudyFolder, experiment_id: str
) -> Run:
    purpose = folder.purpose()
    return client.create_run(
        experiment_id,
        run_name=f"{purpose} {config.name}",
        tags={STUDY: folder.id(), "host": socket.gethostname(), "state": purpose},
    )


def _describe(client: MlflowClient, config: StudyConfig, folder: StudyFolder, run: Run) -> None:
    """Send the parameters that the run lacks, since MLflow changes none, and the settings."""
    params = {
        "scheduler": config.scheduler.name,
        "objective": config.objective.name,
        "clock": config.objective.clock,
        "parameters": config.objective.parameters,
        "seed": str(config.seed),
    }
    if folder.purpose() == "study":  # in replicates no algorithm chooses the trials
        params["algorithm"] = config.search.algorithm
    missing = [Param(name, value) for name, value in params.items() if name not in run.data.params]
    client.log_batch(run.info.run_id, params=missing)
    client.log_artifact(run.info.run_id, str(folder.study_file))
    client.log_artifact(run.info.run_id, str(folder.resolved))
