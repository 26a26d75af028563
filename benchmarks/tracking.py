"""Tracking: what MLflow costs for each point and each trial, on SQLite and on a server.

A trial of the quickstart study is trained once; its record then goes to MLflow point by
point, as a search sends it.
"""

from __future__ import annotations

import os
import queue
import shutil
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from statistics import median
from typing import Self

import torch

from benchmarks.alternate import alternate
from benchmarks.command import Options, run
from benchmarks.corpora import grammar_data
from benchmarks.machine import ROOT, machine
from benchmarks.mlflow_server import mlflow_server
from benchmarks.result import Report, Row, Table
from benchmarks.spread import Spread
from search.study.config import StudyConfig, load_study
from search.study.folder import StudyFolder
from search.study.ledger import Ledger
from search.study.trial_record import TrialRecord
from search.tracking.study_run import StudyRun
from search.tracking.tracking import Tracking
from search.tracking.trial_runs import TrialRuns
from spaces.chooser import FixedChooser
from trainable.objective import Progress, objective_value
from trainable.ranks import Ranks
from trainable.training import Training

STUDY = ROOT / "studies" / "quickstart.toml"
N_ROUNDS = 5  # trials for each store, after one that warms up
SENT_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """Time to send one state of a trial."""

    seconds: float
    cpu_seconds: float  # CPU time of the sending thread
    held_up_seconds: float = 0.0  # delay of the search, which only queues the record


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Cost of one trial's records: start, points and end."""

    start: Sent
    points: Sequence[Sent]
    end: Sent

    @property
    def all(self) -> list[Sent]:
        return [self.start, *self.points, self.end]


class TimedRuns(TrialRuns):
    """The search's own, which tell what each record took to send."""

    def __init__(self, study_run: StudyRun, ledger: Ledger, sent: queue.Queue[Sent]) -> None:
        super().__init__(study_run, ledger)
        self._sent = sent

    def send(self, record: TrialRecord) -> None:
        start, cpu_start = time.perf_counter(), time.thread_time()
        super().send(record)
        self._sent.put(
            Sent(seconds=time.perf_counter() - start, cpu_seconds=time.thread_time() - cpu_start)
        )


class TimedTracking(Tracking):
    """The search's own, which can wait until a record is sent."""

    _sent: queue.Queue[Sent]

    @classmethod
    def start(cls, config: StudyConfig, folder: StudyFolder, ledger: Ledger) -> Self:
        tracking = super().start(config, folder, ledger)
        tracking._sent = queue.Queue()
        tracking._trial_runs = TimedRuns(tracking._study_run, ledger, tracking._sent)
        tracking._trial_runs.settle()  # as the ones that it replaces are
        return tracking

    def send_and_wait(self, record: TrialRecord) -> Sent:
        start = time.perf_counter()
        self.note(record)
        held_up = time.perf_counter() - start
        return replace(self._sent.get(timeout=SENT_WITHIN_S), held_up_seconds=held_up)


class Store:
    """A study's records on their way to one store; each call sends a whole trial."""

    def __init__(self, config: StudyConfig, data: Path, path: Path, trained: TrialRecord) -> None:
        path.mkdir()
        folder = StudyFolder(path)
        shutil.copyfile(STUDY, folder.study_file)
        folder.resolve(config, data)
        self._trained = trained
        self._ids = count()
        self._ledger = Ledger.open(folder.trials)
        self._tracking = TimedTracking.start(config, folder, self._ledger)

    def __call__(self) -> Cost:
        ended = replace(self._trained, id=next(self._ids))
        started = replace(ended, state="running", curve=(), aucc=None, objective=None)
        self._ledger.put(started)
        send = self._tracking.send_and_wait
        return Cost(
            start=send(started),
            points=[
                send(replace(started, curve=ended.curve[:n])) for n in range(1, len(ended.curve))
            ],
            end=send(ended),  # with its last point, as Tune tells of both at once
        )

    def close(self) -> None:
        self._tracking.close("FINISHED", metrics={}, tags={})


def measure(options: Options) -> Report:
    """The costs of each store."""
    data = (options.data or grammar_data()).resolve()
    os.environ.pop("MLFLOW_TRACKING_URI", None)  # the caller's own store is no place for this
    config = load_study(STUDY, [f"data={data}"])
    trained, wall_s = _train(config, data)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with mlflow_server(folder) as address:
            on_server = load_study(STUDY, [f"data={data}", f"tracking.uri={address}"])
            with (
                closing(Store(config, data, folder / "sqlite", trained)) as sqlite,
                closing(Store(on_server, data, folder / "server", trained)) as server,
            ):
                costs = alternate(
                    {"SQLite": sqlite, "server, SQLite behind it": server},
                    n_rounds=N_ROUNDS,
                    n_warm_up=1,
                )
    return Report(
        name="tracking",
        title="Tracking",
        header={
            **machine(),
            "trial": f"encoder {trained.canonical} of the quickstart study, "
            f"{len(trained.curve)} points, {wall_s:.1f} s on one core",
            "measured": f"{N_ROUNDS} trials for each store, one that warms up before",
        },
        tables=[
            Table(
                caption="Milliseconds, and shares of the trial's wall time; the goal is under 1 %",
                rows=[_row(store, costs[store], wall_s) for store in costs],
            )
        ],
        notes=[
            "a thread of the driver sends; the search is held up only while it hands over a record",
            "CPU is that of the sending thread, for a whole trial",
            "the end of a trial includes drawing its curve as a picture",
        ],
    )


def _train(config: StudyConfig, data: Path) -> tuple[TrialRecord, float]:
    """The study's first candidate as a completed trial, and its wall time without start-up."""
    torch.set_num_threads(1)
    candidate = config.space.choose(FixedChooser(next(config.space.points())))
    trial = config.trial(candidate, data=str(data))
    training = Training(trial, ranks=Ranks())
    start = time.perf_counter()
    for _ in training.points():
        pass
    wall_s = time.perf_counter() - start
    area = training.aucc()
    record = TrialRecord(
        id=0,
        layout=candidate.encoder,
        key=candidate.key,
        config=trial,
        counts=training.counts,
        optuna_number=0,
        state="completed",
        curve=training.curve,
        aucc=area,
        objective=objective_value(
            trial.objective,
            Progress(curve=training.curve, aucc=area, counts=training.counts),
        ),
        n_epochs=training.n_epochs,
        peak_memory_bytes=training.peak_memory_bytes,
    )
    return record, wall_s


def _row(store: str, costs: Sequence[Cost], wall_s: float) -> Row:
    busy = [sum(sent.seconds for sent in cost.all) for cost in costs]
    cpu = [sum(sent.cpu_seconds for sent in cost.all) for cost in costs]
    held_up = [sum(sent.held_up_seconds for sent in cost.all) for cost in costs]
    return {
        "store": store,
        "start of a trial": Spread.of(1e3 * cost.start.seconds for cost in costs),
        "a point": Spread.of(1e3 * sent.seconds for cost in costs for sent in cost.points),
        "end of a trial": Spread.of(1e3 * cost.end.seconds for cost in costs),
        "a trial": Spread.of(1e3 * seconds for seconds in busy),
        "CPU": Spread.of(1e3 * seconds for seconds in cpu),
        "sending, %": 100 * median(busy) / wall_s,
        "CPU, %": 100 * median(cpu) / wall_s,
        "search held up, %": 100 * median(held_up) / wall_s,
    }


if __name__ == "__main__":
    run(measure, __doc__)
