"""Orchestration: trials a second of the whole service, where a trial costs nothing.

A trainable that reports once, behind our searcher, scheduler, records and tracking,
against bare Ray Tune and bare Optuna.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import optuna
from ray import tune
from ray.tune import CheckpointConfig, RunConfig, TuneConfig, Tuner

from benchmarks.alternate import alternate
from benchmarks.command import Options, run
from benchmarks.corpora import grammar_data
from benchmarks.machine import ROOT, machine
from benchmarks.reports_once import ReportsOnce
from benchmarks.result import Report, Row, Table
from benchmarks.spread import Spread, ratio
from search.cluster.ray_cluster import local_ray
from search.run.recorder import Recorder
from search.run.tuner import make_tuner
from search.schedule.schedulers import make_scheduler
from search.study.config import StudyConfig, load_study
from search.study.folder import StudyFolder
from search.study.kept_weights import KeptWeights, latest_checkpoint
from search.study.ledger import Ledger
from search.study.storage import study_storage
from search.study.trial_record import TrialRecord
from search.suggest.optuna_journal import OptunaChooser
from search.suggest.samplers import make_sampler
from search.suggest.searcher import TrialSearcher
from search.suggest.study_trials import StudyTrials
from search.tracking.tracking import Tracking
from spaces.chooser import FixedChooser
from trainable.model_size import candidate_size
from trainable.tasks.registry import metric_of
from trainable.tune_trainable import trial_resources

STUDY = ROOT / "studies" / "quickstart.toml"
N_TRIALS = 100
N_CONCURRENT = 2
N_ROUNDS = 3
SERVICE, UNTRACKED = "the whole service", "the service without MLflow"
TUNE, OPTUNA = "bare Ray Tune", "bare Optuna, in memory"


def measure(options: Options) -> Report:
    """The rates, the service first."""
    data = (options.data or grammar_data()).resolve()
    os.environ.pop("MLFLOW_TRACKING_URI", None)  # the caller's own store is no place for this
    config = load_study(
        STUDY,
        [
            f"data={data}",
            f"search.n_trials={N_TRIALS}",
            "search.references=false",
            f"search.n_concurrent={N_CONCURRENT}",
        ],
    )
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with local_ray():
        rates = alternate(
            {
                SERVICE: partial(_service, config, data, is_tracked=True),
                UNTRACKED: partial(_service, config, data, is_tracked=False),
                TUNE: partial(_bare_tune, config, data),
                OPTUNA: partial(_bare_optuna, config),
            },
            n_rounds=N_ROUNDS,
        )
    return Report(
        name="orchestration",
        title="Orchestration",
        header={
            **machine(),
            "study": f"quickstart's space and search, {N_TRIALS} trials, {N_CONCURRENT} at a time, "
            "each reports once",
            "measured": f"{N_ROUNDS} rounds, Ray running and MLflow's tables made before",
        },
        tables=[
            Table(
                caption="Trials a second",
                rows=[_row(name, rates[name], rates[TUNE]) for name in rates],
            )
        ],
        notes=[
            "the whole service: search, scheduler, records on disk, MLflow on SQLite",
            "bare Ray Tune: the same trainable, actors reused, its own random search, no records",
            "bare Optuna: the same sampler over the same space, told a number at once",
        ],
    )


def _service(config: StudyConfig, data: Path, *, is_tracked: bool) -> float:
    with tempfile.TemporaryDirectory() as name:
        folder = StudyFolder(Path(name))
        shutil.copyfile(STUDY, folder.study_file)
        folder.resolve(config, data)
        with Ledger.in_order(folder.trials) as ledger:
            tracking = Tracking.start(config, folder, ledger) if is_tracked else None
            start = time.perf_counter()
            _tuner(config, folder, ledger, [tracking.note] if tracking else []).fit()
            if tracking is not None:
                assert tracking.close("FINISHED", metrics={}, tags={})  # it has everything
            seconds = time.perf_counter() - start
            assert len(ledger.records) == N_TRIALS
        return N_TRIALS / seconds


def _tuner(
    config: StudyConfig,
    folder: StudyFolder,
    ledger: Ledger,
    listeners: list[Callable[[TrialRecord], None]],
) -> Tuner:
    """The driver's, around another trainable."""
    storage = study_storage(folder)
    trials = StudyTrials.open(
        config,
        ledger,
        optuna_log=folder.optuna_log,
        data=folder.data(),
        size=candidate_size,
        metric=metric_of(folder.data()).name,
    )
    searcher = TrialSearcher(
        ledger,
        trials,
        n_concurrent=lambda: N_CONCURRENT,
        resume_from=partial(latest_checkpoint, storage),
    )
    return make_tuner(
        tune.with_resources(ReportsOnce, trial_resources(config.ranks)),
        searcher=searcher,
        scheduler=make_scheduler(config),
        callbacks=[Recorder(KeptWeights(storage, config.objective), ledger, listeners)],
        storage=storage,
        session="session-001",
        checkpoints=CheckpointConfig(checkpoint_frequency=1, num_to_keep=2),
        restarts=True,
    )


def _bare_tune(config: StudyConfig, data: Path) -> float:
    first = next(config.space.points())
    trial = config.trial(config.space.choose(FixedChooser(first)), data=str(data))
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        results = Tuner(
            tune.with_resources(ReportsOnce, trial_resources(config.ranks)),
            param_space={"trial": trial.model_dump(mode="json"), "draw": tune.uniform(0, 1)},
            tune_config=TuneConfig(
                num_samples=N_TRIALS, reuse_actors=True, max_concurrent_trials=N_CONCURRENT
            ),
            run_config=RunConfig(storage_path=folder, verbose=0),
        ).fit()
        assert len(results) == N_TRIALS
        return N_TRIALS / (time.perf_counter() - start)


def _bare_optuna(config: StudyConfig) -> float:
    study = optuna.create_study(
        direction="maximize", sampler=make_sampler(config.search, seed=config.seed)
    )

    def value(trial: optuna.Trial) -> float:
        candidate = config.space.choose(OptunaChooser(trial))
        return float(candidate.encoder.depth)

    start = time.perf_counter()
    study.optimize(value, n_trials=N_TRIALS)
    return N_TRIALS / (time.perf_counter() - start)


def _row(name: str, rates: list[float], bare: list[float]) -> Row:
    return {
        "": name,
        "trials/s": Spread.of(rates),
        "ms a trial": Spread.of(1000 / rate for rate in rates).median,
        "× bare Ray Tune": ratio(rates, bare),
    }


if __name__ == "__main__":
    run(measure, __doc__)
