"""A search over a trial table in one process: searcher and scheduler, called as Ray Tune does.

``search/replay`` runs the real Tuner, which takes many seconds a replay; a comparison of
searches needs hundreds. No trial waits for another here: the earliest of the running ones
reports next, in simulated time.
"""

from __future__ import annotations

import heapq
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ray.tune.experiment import Trial
from ray.tune.schedulers import TrialScheduler

from search.replay.peer import Peer, PeerTrials
from search.replay.simulated_trial import recorded_result
from search.replay.trial_table import RecordedTrial, TrialTable
from search.run.recorder import Recorder
from search.schedule.schedulers import make_scheduler
from search.study.config import StudyConfig
from search.study.ledger import Ledger
from search.study.trained_candidate import candidate_of
from search.study.trial_record import TrialRecord
from search.suggest.searcher import TrialSearcher
from search.suggest.study_trials import StudyTrials
from search.suggest.trial_source import TrialSource
from spaces.candidate_size import CandidateSize
from trainable.config import TrialConfig

_MEMORY_DISK = Path("/dev/shm")  # ledger and journal wait for a real disk at every line


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """A completed trial, and what the search had spent by then."""

    record: TrialRecord
    n_updates: int  # of all trials, of stopped ones up to their stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Completed trials of a simulated search, in order."""

    completions: Sequence[Completion]
    n_updates: int
    n_trials: int

    def records(self, *, up_to: float = float("inf")) -> list[TrialRecord]:
        """Trials completed before more than ``up_to`` updates were spent."""
        return [done.record for done in self.completions if done.n_updates <= up_to]


def simulate(
    table: TrialTable,
    config: StudyConfig,
    *,
    seed: int,
    n_workers: int,
    is_over: Callable[[Course], bool],
    peer: Peer | None = None,
) -> Course:
    """Search once over the table's trials, until ``is_over`` or nothing is left to train.

    Args:
        table: the recorded trials.
        config: the study to search by, of a part of the table's space.
        seed: of the search; it also picks one of a candidate's recorded trials.
        n_workers: number of trials at a time.
        is_over: asked after each completed trial.
        peer: searcher and scheduler in the place of the study's own.
    """
    config = config.model_copy(update={"seed": seed})
    disk = _MEMORY_DISK if _MEMORY_DISK.is_dir() else None
    with (
        tempfile.TemporaryDirectory(prefix="simulated-", dir=disk) as place,
        Ledger.in_order(Path(place) / "trials.jsonl") as ledger,
    ):
        source = _source(table, config, ledger, Path(place), peer)
        searcher = TrialSearcher(
            ledger, source, n_concurrent=lambda: n_workers, resume_from=lambda _record: None
        )
        scheduler = make_scheduler(config) if peer is None else peer.scheduler
        return _Simulation(table, config, ledger, searcher, scheduler).run(is_over)


def _source(
    table: TrialTable, config: StudyConfig, ledger: Ledger, place: Path, peer: Peer | None
) -> TrialSource:
    if peer is not None:
        return PeerTrials(peer.searcher, config, ledger, table)

    def size(trial: TrialConfig) -> CandidateSize:
        return table.size(candidate_of(trial, config.space).key)

    log = place / "optuna.log"
    return StudyTrials.open(
        config, ledger, optuna_log=log, data=config.data, size=size, metric=table.metric
    )


class _Simulation:
    """Running trials by the simulated time of their next validation."""

    def __init__(
        self,
        table: TrialTable,
        config: StudyConfig,
        ledger: Ledger,
        searcher: TrialSearcher,
        scheduler: TrialScheduler,
    ) -> None:
        self._table = table
        self._config = config
        self._ledger = ledger
        self._searcher = searcher
        self._scheduler = scheduler
        self._recorder = Recorder(None, ledger, [])
        self._now = 0.0
        self._n_trials = 0
        self._n_updates = 0
        # Time of the next validation, number of the trial, its start, points by then.
        self._running: list[tuple[float, int, float, int]] = []
        self._trials: dict[int, tuple[Trial, RecordedTrial]] = {}
        self._completions: list[Completion] = []

    def run(self, is_over: Callable[[Course], bool]) -> Course:
        while self._start_trials():
            ended = self._next_result()
            if ended is not None and ended.state == "completed":
                self._completions.append(Completion(record=ended, n_updates=self._n_updates))
                if is_over(self._course()):
                    break
        return self._course()

    def _course(self) -> Course:
        return Course(
            completions=tuple(self._completions),
            n_updates=self._n_updates,
            n_trials=self._n_trials,
        )

    def _start_trials(self) -> bool:
        """Start as many trials as the searcher gives; False if none runs."""
        while isinstance(config := self._searcher.suggest(str(self._n_trials)), dict):
            number = self._n_trials
            trial = Trial("simulated", trial_id=str(number), config=config, stub=True)
            key = self._ledger[config["id"]].key
            recorded = self._table.pick(key, seed=self._config.seed)
            self._trials[number] = trial, recorded
            self._n_trials += 1
            self._scheduler.on_trial_add(None, trial)
            self._wait(number, self._now, 1)
        return bool(self._running)

    def _wait(self, number: int, start: float, n_points: int) -> None:
        _, recorded = self._trials[number]
        time = start + recorded.curve[n_points - 1].seconds
        heapq.heappush(self._running, (time, number, start, n_points))

    def _next_result(self) -> TrialRecord | None:
        """Process the earliest result; the record of its trial if that ended."""
        self._now, number, start, n_points = heapq.heappop(self._running)
        trial, recorded = self._trials[number]
        before = recorded.curve[n_points - 2].updates if n_points > 1 else 0
        self._n_updates += recorded.curve[n_points - 1].updates - before
        result = {"training_iteration": n_points} | recorded_result(
            recorded, n_points, self._config.objective, horizon=self._config.horizon
        )
        if not result["done"]:
            decision = self._scheduler.on_trial_result(None, trial, result)
            result["done"] = decision == TrialScheduler.STOP
        if not result["done"]:
            self._searcher.on_trial_result(trial.trial_id, result)
        self._recorder.on_trial_result(0, [], trial, result)
        if result["done"]:
            return self._end(trial, result)
        self._wait(number, start, n_points + 1)
        return None

    def _end(self, trial: Trial, result: dict[str, Any]) -> TrialRecord:
        self._scheduler.on_trial_complete(None, trial, result)
        self._searcher.on_trial_complete(trial.trial_id, result)
        self._recorder.on_trial_complete(0, [], trial)
        return self._ledger[trial.config["id"]]
