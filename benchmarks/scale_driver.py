"""A driver of a study that notes what each of its trials cost; a process of its own each time.

``python -m benchmarks.scale_driver ALGORITHM DATA N_TRIALS`` starts the study ``scale`` in
``studies/`` of the working folder, or goes on with it, whatever searched it before, and
prints its costs as JSON.
"""

from __future__ import annotations

import json
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import psutil

from benchmarks.scale_trial import TABLE, ReplayedTrial
from search.run import driver, trial_runner
from search.run.progress import Progress
from search.study.config import load_study
from search.study.folder import STUDIES, StudyFolder
from search.study.trial_record import TrialRecord
from search.suggest.searcher import TrialSearcher
from search.tracking.tracking import Tracking

NAME = "scale"


class Costs:
    """Resources that the driver had used when each trial ended."""

    def __init__(self) -> None:
        self.ended: list[dict[str, float]] = []
        self.suggest_cpu_s = 0.0
        self._process = psutil.Process()
        self._start = time.perf_counter()

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Tune pickles the searcher's class, which knows us

    def reading(self) -> dict[str, float]:
        """Seconds since the start, of CPU, and of MLflow's thread; and memory."""
        sender = [t.native_id for t in threading.enumerate() if t.name == "mlflow"]
        cpu = sum(t.user_time + t.system_time for t in self._process.threads() if t.id in sender)
        return {
            "wall_s": time.perf_counter() - self._start,
            "cpu_s": time.process_time(),
            "mlflow_cpu_s": cpu,
            "suggest_cpu_s": self.suggest_cpu_s,
            "memory_mib": self._process.memory_info().rss / 2**20,
        }


def measured(work: Callable[[], object]) -> dict[str, Any]:
    """The costs of the search that ``work`` does with trials that are replayed."""
    costs = Costs()

    class NotingProgress(Progress):
        """The search's own callback, which gets every event last."""

        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            costs.ended.append(costs.reading())  # all is ready, no trial has started

        def note(self, record: TrialRecord) -> None:
            super().note(record)
            if record.state != "running":
                costs.ended.append(costs.reading())

    class TimedSearcher(TrialSearcher):
        """The search's own."""

        def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
            start = time.thread_time()
            try:
                return super().suggest(trial_id)
            finally:
                costs.suggest_cpu_s += time.thread_time() - start

    class PatientTracking(Tracking):
        """The search's own, which ends when everything is sent: trials come too fast here."""

        def close(self, status: str, *, metrics: dict[str, float], tags: dict[str, str]) -> bool:
            while not super().close(status, metrics=metrics, tags=tags):
                pass
            return True

    with (
        mock.patch.object(trial_runner, "ReservoirTrial", ReplayedTrial),
        mock.patch.object(trial_runner, "Progress", NotingProgress),
        mock.patch.object(driver, "TrialSearcher", TimedSearcher),
        mock.patch.object(driver, "Tracking", PatientTracking),
    ):
        work()
    begin, *ended = costs.ended
    return {"begin": begin, "ended": [begin, *ended], "finished": costs.reading()}


def main() -> None:
    """Take the algorithm, the data and the number of trials from the command line."""
    algorithm, data, n_trials = sys.argv[1:]
    warnings.simplefilter("ignore")  # the libraries' warnings, as in search/cli.py
    folder = StudyFolder(STUDIES / NAME)
    if folder.path.exists():
        before = folder.config()
        search = before.search.model_copy(update={"algorithm": algorithm})
        folder.resolve(before.model_copy(update={"search": search}))
        costs = measured(lambda: driver.resume_study(folder, n_trials=int(n_trials)))
    else:
        study_file = TABLE.with_name("multi30k-small.toml")
        config = load_study(
            study_file,
            [
                f"name={NAME}",
                f"data={data}",
                f"search.algorithm={algorithm}",
                f"search.n_trials={n_trials}",
                "search.references=false",
                "scheduler.name=asha",
                "space.hyper.train.lr={low = 1e-3, high = 2e-2, log = true}",
            ],
        )
        costs = measured(lambda: driver.start_study(config, Path(study_file)))
    print(json.dumps(costs))


if __name__ == "__main__":
    main()
