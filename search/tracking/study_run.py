"""The parent run of a study in MLflow."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass

from mlflow.entities import DatasetInput, LifecycleStage, Metric, Param, Run, RunTag
from mlflow.tracking import MlflowClient

from search.study.config import StudyConfig
from search.study.folder import StudyFolder
from search.tracking.experiment import STUDY, open_experiment
from search.tracking.origin import dataset_input, origin_tags
from search.tracking.runs import parent_runs

logger = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class StudyRun:
    """Parent run of a study in MLflow; its children are the trials' runs."""

    client: MlflowClient
    config: StudyConfig
    folder: StudyFolder
    experiment_id: str = ""
    id: str = ""
    dataset: DatasetInput | None = None

    @classmethod
    def open(cls, client: MlflowClient, config: StudyConfig, folder: StudyFolder) -> StudyRun:
        """Open the study's run, or create it if there is none.

        Raises:
            MlflowException: MLflow cannot be reached.
        """
        study_run = cls(
            client=client, config=config, folder=folder, dataset=dataset_input(folder.data())
        )
        study_run.restore()
        client.update_run(study_run.id, status="RUNNING")
        return study_run

    def restore(self) -> None:
        """Find the study's experiment and run; restore them if deleted, make them if missing.

        Raises:
            MlflowException: MLflow cannot be reached.
        """
        self.experiment_id = str(open_experiment(self.client, self.folder).experiment_id)
        found = parent_runs(self.client, self.experiment_id, self.folder)
        if not found:
            run = self._make()
        elif (run := found[0]).info.lifecycle_stage == LifecycleStage.DELETED:
            self.client.restore_run(run.info.run_id)
            logger.warning("MLflow: run '%s' was deleted; it is restored", run.info.run_name)
        self.id = str(run.info.run_id)
        if run.data.tags[STUDY] != self.folder.id():
            self.client.set_tag(self.id, STUDY, self.folder.id())
        self._describe(run)

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

    def _make(self) -> Run:
        purpose = self.folder.purpose()
        return self.client.create_run(
            self.experiment_id,
            run_name=f"{purpose} {self.config.name}",
            tags={
                **origin_tags(),
                STUDY: self.folder.id(),
                "host": socket.gethostname(),
                "state": purpose,
            },
        )

    def _describe(self, run: Run) -> None:
        """Send the parameters that the run lacks, since MLflow changes none, and the settings."""
        config, folder = self.config, self.folder
        params = {
            "scheduler": config.scheduler.name,
            "objective": config.objective.name,
            "clock": config.objective.clock,
            "parameters": config.objective.parameters,
            "seed": str(config.seed),
        }
        if folder.purpose() == "study":  # in replicates no algorithm chooses the trials
            params["algorithm"] = config.search.algorithm
        missing = [
            Param(name, value) for name, value in params.items() if name not in run.data.params
        ]
        self.client.log_batch(run.info.run_id, params=missing)
        if self.dataset and not (run.inputs and run.inputs.dataset_inputs):
            self.client.log_inputs(run.info.run_id, datasets=[self.dataset])
        self.client.log_artifact(run.info.run_id, str(folder.study_file))
        self.client.log_artifact(run.info.run_id, str(folder.resolved))
