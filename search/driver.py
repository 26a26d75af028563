"""Running a study: Ray Tune with our searcher, scheduler and records around the trials."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import ray
from ray import tune
from ray.tune import CheckpointConfig

from search.earlier_studies import EarlierTrial, earlier_trials
from search.errors import WorkFailed
from search.kept_weights import latest_checkpoint
from search.ledger import Ledger, read_records
from search.progress import Progress
from search.ranking import best_trial
from search.ray_cluster import local_ray
from search.recorder import Recorder
from search.schedulers import make_scheduler, show_earlier, show_other_studies
from search.searcher import StudySearcher, SuggestionCounts
from search.study_config import StudyConfig
from search.study_folder import StudyFolder, make_study_folder, place_for_study
from search.tracking import Tracking, check_store
from search.tuner import make_tuner
from spaces.errors import UserError
from trainable.config import RanksConfig
from trainable.corpus import load_corpus
from trainable.model_size import dimensions, trial_param_counts
from trainable.tune_trainable import ReservoirTrial, trial_resources

logger = logging.getLogger(__name__)

MAX_RESTARTS = 3  # of a trial whose process died; each goes on from the last checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyResult:
    """How a study stands after a driver has worked on it."""

    folder: StudyFolder
    counts: SuggestionCounts
    mlflow_is_complete: bool


def start_study(config: StudyConfig, study_file: Path) -> StudyResult:
    """Make the study's folder and search until its trials are done.

    Raises:
        UserError: the study exists, or its data or settings cannot be used.
        WorkFailed: no trial was completed.
    """
    place_for_study(config.name)  # before Ray starts, which takes a while
    data = Path(config.data)
    # What can never run is refused before the folder is made.
    check_store(config)
    dimensions(config.model, load_corpus(str(data.resolve())))
    earlier = earlier_trials(config, data)
    with _ray(config.ranks):
        folder = make_study_folder(config, study_file, data)
        with folder.locked():
            return _search(config, folder, earlier)


def resume_study(folder: StudyFolder, *, n_trials: int | None) -> StudyResult:
    """Go on with an interrupted study, or give a finished one more trials.

    Raises:
        UserError: another driver holds the study.
        WorkFailed: no trial was completed.
    """
    config = folder.config()
    with folder.locked():
        load_corpus(folder.data())  # without which every trial that goes on would fail
        earlier = earlier_trials(config, Path(folder.data()))
        if n_trials is not None:
            config = _extended(config, folder, n_trials)
        with _ray(config.ranks):
            return _search(config, folder, earlier)


def _extended(config: StudyConfig, folder: StudyFolder, n_trials: int) -> StudyConfig:
    """The study with another number of trials, which a later resume keeps to."""
    n_before = len(read_records(folder.trials))
    if n_trials < n_before:
        raise UserError(f"--trials {n_trials}: the study has {n_before} trials already; give more")
    search = config.search.model_copy(update={"n_trials": n_trials})
    config = config.model_copy(update={"search": search})
    folder.resolve(config)
    return config


def _search(
    config: StudyConfig, folder: StudyFolder, earlier: Sequence[EarlierTrial]
) -> StudyResult:
    with closing(Ledger(folder.trials)) as ledger:
        scheduler = make_scheduler(config)
        show_earlier(scheduler, config, [r for r in ledger.records if r.state != "running"])
        show_other_studies(scheduler, [trial.record for trial in earlier])
        tracking = Tracking(config, folder, ledger)
        searcher = StudySearcher(
            config,
            ledger,
            optuna_log=folder.optuna_log,
            data=folder.data(),
            count=trial_param_counts,
            n_concurrent=config.search.n_concurrent or _n_fitting_trials(config.ranks),
            resume_from=lambda record: latest_checkpoint(folder, record),
            earlier=earlier,
        )
        for record in ledger.records:
            tracking.note(record)  # what an earlier driver could not send
        with (
            _ending_mlflow(tracking, ledger, config, searcher) as ending,
            Progress(config, ledger) as progress,
        ):
            tuner = make_tuner(
                tune.with_resources(ReservoirTrial, trial_resources(config.ranks)),
                searcher=searcher,
                scheduler=scheduler,
                callbacks=[
                    Recorder(folder, ledger, config.objective, [tracking.note, progress.note])
                ],
                place=folder.ray / _session_name(folder),
                checkpoints=CheckpointConfig(checkpoint_frequency=1, num_to_keep=2),
                max_restarts=MAX_RESTARTS,
            )
            tuner.fit()
        if best_trial(ledger.records, config.objective) is None:
            raise WorkFailed(_why_nothing_completed(ledger, config, searcher.last_refusal))
        return StudyResult(
            folder=folder, counts=searcher.counts(), mlflow_is_complete=ending.is_complete
        )


@dataclass(slots=True)
class _Ending:
    is_complete: bool = False


@contextmanager
def _ending_mlflow(
    tracking: Tracking, ledger: Ledger, config: StudyConfig, searcher: StudySearcher
) -> Iterator[_Ending]:
    """End the study's MLflow run as the search ended, interrupted trials included."""
    ending = _Ending()
    status = "FAILED"
    try:
        yield ending
        status = "FINISHED"
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    finally:
        counts = searcher.counts()
        metrics = {
            "n_suggestions": float(counts.n_suggestions),
            "n_trained": float(counts.n_trained),
            "n_known": float(counts.n_known),
        }
        tags = {}
        best = best_trial(ledger.records, config.objective)
        if best is not None and best.objective is not None and best.bleu_valid is not None:
            metrics |= {"objective_final": best.objective, "bleu_best": best.bleu_valid}
            tags = {"best_layout": best.canonical, "best_trial": str(best.id)}
        ending.is_complete = tracking.close(status, metrics=metrics, tags=tags)
        for record in ledger.records:
            if record.state == "running":
                tracking.interrupt(record)


@contextmanager
def _ray(ranks: RanksConfig) -> Iterator[None]:
    """Ray for as long as the search lasts, if it can hold a trial."""
    with local_ray():
        _refuse_what_cannot_fit(ranks)
        yield


def _refuse_what_cannot_fit(ranks: RanksConfig) -> None:
    if _n_fitting_trials(ranks) == 0:
        have = ray.cluster_resources()
        raise UserError(
            f"ranks: a trial asks for {ranks.n_ranks} x ({ranks.cpus_per_rank} CPUs, "
            f"{ranks.gpus_per_rank} GPUs); Ray has {have.get('CPU', 0):g} CPUs and "
            f"{have.get('GPU', 0):g} GPUs; ask for less"
        )


def _n_fitting_trials(ranks: RanksConfig) -> int:
    """How many trials Ray's cluster holds at once."""
    have = ray.cluster_resources()
    n_by_cpu = int(have.get("CPU", 0) // ranks.cpus_per_rank)
    if ranks.gpus_per_rank == 0:
        return n_by_cpu // ranks.n_ranks
    n_by_gpu = int(have.get("GPU", 0) / ranks.gpus_per_rank + 1e-9)
    return min(n_by_cpu, n_by_gpu) // ranks.n_ranks


def _session_name(folder: StudyFolder) -> str:
    """Each driver has a Tune experiment of its own: the study's memory is in our files."""
    n_before = len(list(folder.ray.glob("session-*"))) if folder.ray.exists() else 0
    return f"session-{n_before + 1:03d}"


def _why_nothing_completed(ledger: Ledger, config: StudyConfig, last_refusal: str | None) -> str:
    states = Counter(record.state for record in ledger.records)
    told = ", ".join(f"{n} {state}" for state, n in sorted(states.items())) or "none was trained"
    reasons = [last_refusal] if last_refusal else []
    reasons += [record.reason for record in ledger.records if record.reason]
    last = f"; the last said: {reasons[-1]}" if reasons else ""
    return f"study {config.name}: no trial was completed within the bounds ({told}){last}"
