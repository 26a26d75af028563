"""Studies to report: searched by the real searcher, with outcomes that are made up."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from search.report.reported_study import ReportedStudy, read_study
from search.study.config import StudyConfig
from search.study.folder import StudyFolder
from search.study.ledger import Ledger
from search.study.trial_record import TrialRecord
from search.suggest.proxy import Proxy
from search.suggest.searcher import TrialSearcher
from search.suggest.study_trials import StudyTrials
from spaces.candidate_size import CandidateSize
from spaces.counts import count_params
from spaces.dimensions import Dimensions
from spaces.flops import flops_per_token
from tests.search.replay.tables import UPDATES
from trainable.aucc import aucc
from trainable.config import TrialConfig
from trainable.curve import Point
from trainable.objective import Progress, objective_value

HOSTILE = "<script>alert('trial')</script> & \"more\""

Outcome = Callable[[TrialRecord], dict[str, Any]]  # the fields of a record that an end brings


def searched_study(
    config: StudyConfig,
    place: Path,
    data: Path,
    outcome: Outcome | None = None,
    proxy: Proxy | None = None,
) -> StudyFolder:
    """A study's folder as a whole search leaves it, MLflow and Ray apart."""
    folder = StudyFolder(place)
    place.mkdir()
    folder.study_file.write_text(f'data = "{data}"\n')
    folder.resolve(config, data)
    ledger = Ledger.open(folder.trials)
    trials = StudyTrials.open(
        config,
        ledger,
        optuna_log=folder.optuna_log,
        data=str(data),
        size=size,
        metric="BLEU",
        proxy=proxy,
    )
    searcher = TrialSearcher(
        ledger, trials, n_concurrent=lambda: 1, resume_from=lambda record: None
    )
    number = 0
    while isinstance(asked := searcher.suggest(f"tune-{number}"), dict):
        ledger.update(asked["id"], **(outcome or mixed)(ledger[asked["id"]]))
        searcher.on_trial_complete(f"tune-{number}", {})
        number += 1
    ledger.compact()
    return folder


def reported(*arguments: Any) -> ReportedStudy:
    """The same study, read for a report."""
    return read_study(searched_study(*arguments))


def size(config: TrialConfig) -> CandidateSize:
    """The size with dictionaries of a hundred words, and sentences of ten."""
    dims = Dimensions(
        d_model=config.model.d_model,
        ffn=config.model.ffn,
        heads=config.model.heads,
        src_rows=100,
        tgt_rows=100,
        norm=config.model.norm,
        tied=config.model.tied,
    )
    stacks = config.model.encoder, config.model.decoder
    flops = flops_per_token(*stacks, dims, src_length=10.0, tgt_length=10.0)
    return CandidateSize(counts=count_params(*stacks, dims), training_flops=flops.training)


def completed(record: TrialRecord, top: float) -> dict[str, Any]:
    """A whole curve that rises to ``top``."""
    points = curve(top)
    config = record.config
    area = aucc(points, clock="updates", horizon=UPDATES[-1], hold_last=True)
    return {
        "state": "completed",
        "curve": points,
        "aucc": area,
        "objective": objective_value(
            config.objective, Progress(curve=points, aucc=area, counts=record.counts)
        ),
        "n_epochs": 0.5,
        "peak_memory_bytes": 2**20,
        "host": "machine <1>",
        "mlflow_run_id": f"run{record.id:029d}",
    }


def mixed(record: TrialRecord) -> dict[str, Any]:
    """Every fifth trial fails and every fifth is stopped; deep layouts without R are best."""
    encoder = record.encoder
    whole = completed(record, 20 + 3 * encoder.depth - 4 * encoder.n_reservoirs)
    match record.id % 5:
        case 3:
            return {"state": "failed", "reason": HOSTILE}
        case 4:
            reason = "by the scheduler at update 4"
            cut = dataclasses.replace(record, curve=whole["curve"][:1])
            area, objective = cut.so_far(1)
            stopped = {"state": "stopped", "reason": reason, "aucc": area, "objective": objective}
            return {**whole, **stopped, "curve": cut.curve}
    return whole


def curve(top: float) -> tuple[Point, ...]:
    """A straight line to ``top``."""
    return tuple(
        Point(
            updates=updates,
            seconds=0.5 * updates,
            tokens=100 * updates,
            flops=1e6 * updates,
            score=top * updates / UPDATES[-1],
            loss=8.0 - updates / 12,
            train_loss=9.0 - updates / 12,
        )
        for updates in UPDATES
    )
