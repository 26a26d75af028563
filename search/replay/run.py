"""Replay of a search over a table's space, by the real Tuner."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

import ray
from ray import tune
from ray.tune import CheckpointConfig, PlacementGroupFactory
from ray.tune.schedulers import TrialScheduler
from ray.tune.search import Searcher

from search.cluster.ray_cluster import local_ray
from search.replay.clock import SimulatedClock, TimeKeeper
from search.replay.found import Found
from search.replay.peer import Peer, PeerTrials
from search.replay.scores import candidate_values
from search.replay.simulated_trial import SimulatedTrial
from search.replay.trace import Replay, Trace
from search.replay.trial_table import TrialTable
from search.run.recorder import Recorder
from search.run.tuner import fit, make_tuner
from search.schedule.schedulers import check_scheduler, make_scheduler
from search.study.config import StudyConfig
from search.study.ledger import Ledger
from search.study.storage import Storage
from search.study.trained_candidate import candidate_of
from search.suggest.algorithms import check_algorithm
from search.suggest.searcher import TrialSearcher
from search.suggest.study_trials import StudyTrials
from search.suggest.trial_source import TrialSource
from spaces.candidate_size import CandidateSize
from trainable.config import TrialConfig

logger = logging.getLogger(__name__)

# A simulated trial waits nearly all the time, so many fit on one CPU.
_RESOURCES = PlacementGroupFactory([{"CPU": 0.01}])

# Ledger and Optuna's journal wait for the disk at every line, which would be a third of a
# replay's time. None of these files outlives the replay, so they can be in memory.
_MEMORY_DISK = Path("/dev/shm")


def replay_seeds(
    table: TrialTable, config: StudyConfig, *, n_seeds: int, n_workers: int
) -> list[Replay]:
    """Replay a search with the seeds 1 to ``n_seeds``, on a local Ray started for it.

    Raises:
        UserError: the table lacks candidates of the study's space, or an algorithm or scheduler
            of the user's own is not there.
    """
    candidate_values(table, config)  # before Ray starts, which takes a while
    check_algorithm(config)
    check_scheduler(config)
    with local_ray():
        replays = []
        for seed in range(1, n_seeds + 1):
            replays.append(replay(table, config, seed=seed, n_workers=n_workers))
            logger.info("seed=%d updates=%d", seed, replays[-1].n_updates)
        return replays


def replay(
    table: TrialTable,
    config: StudyConfig,
    *,
    seed: int,
    n_workers: int,
    peer: Peer | None = None,
    until: float | None = None,
) -> Replay:
    """Replay a search once; Ray must be running (``search.cluster.ray_cluster.local_ray``).

    Args:
        table: the recorded trials.
        config: the study to replay, from ``replayed_study``.
        seed: seed of the search; it also picks one of a candidate's recorded trials.
        n_workers: number of trials at a time, in simulated time.
        peer: searcher and scheduler that replace the study's own.
        until: end when the best trial's candidate is within this share of the best in the table.

    Raises:
        UserError: the table lacks candidates of the study's space.
        WorkFailed: a process of Ray's died.
    """
    config = config.model_copy(update={"seed": seed})
    values = candidate_values(table, config)
    clock = ray.remote(SimulatedClock).options(num_cpus=0).remote()
    keeper = TimeKeeper(clock, n_workers=n_workers)
    best_possible = max(values.values())
    trace = Trace(config.objective, values, now=lambda: keeper.now)
    enough = None if until is None else best_possible - until * abs(best_possible)
    found = None if enough is None else Found(trace, keeper, enough=enough)
    try:
        with (
            _folder_in_memory() as place,
            Ledger.in_order(Path(place) / "trials.jsonl") as ledger,
        ):
            searcher, scheduler = _searching(table, config, ledger, Path(place), n_workers, peer)
            trainable = tune.with_parameters(SimulatedTrial, table=table, seed=seed, clock=clock)
            tuner = make_tuner(
                tune.with_resources(trainable, _RESOURCES),
                searcher=searcher,
                scheduler=scheduler,
                callbacks=[Recorder(None, ledger, [trace.note]), keeper],
                storage=Storage.at(place),
                session="tune",
                checkpoints=CheckpointConfig(checkpoint_at_end=False),
                restarts=False,  # recorded trials raise nothing
                stopper=found,
            )
            fit(tuner)
            records = tuple(ledger.records)
    finally:
        ray.kill(clock)
    return Replay(
        seed=seed,
        events=tuple(trace.events),
        records=records,
        best_possible=best_possible,
    )


def _folder_in_memory() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(
        prefix="replay-", dir=_MEMORY_DISK if _MEMORY_DISK.is_dir() else None
    )


def _searching(
    table: TrialTable,
    config: StudyConfig,
    ledger: Ledger,
    place: Path,
    n_workers: int,
    peer: Peer | None,
) -> tuple[Searcher, TrialScheduler]:
    def size(trial: TrialConfig) -> CandidateSize:
        return table.size(candidate_of(trial, config.space).key)

    trials: TrialSource
    if peer is not None:
        assert not config.objective.falls  # a peer maximises
        trials, scheduler = PeerTrials(peer.searcher, config, ledger, table), peer.scheduler
    else:
        log = place / "optuna.log"
        trials = StudyTrials.open(
            config, ledger, optuna_log=log, data=config.data, size=size, metric=table.metric
        )
        scheduler = make_scheduler(config)
    searcher = TrialSearcher(
        ledger, trials, n_concurrent=lambda: n_workers, resume_from=lambda _record: None
    )
    return searcher, scheduler
