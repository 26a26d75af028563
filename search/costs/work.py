"""Trials that are to be trained: their number and their models' sizes, for the estimate."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from search.costs.study_sizes import ModelSize, candidate_sizes, study_sizes
from search.study.config import StudyConfig
from search.study.folder import STUDIES
from search.study.kept_weights import N_KEPT_WEIGHTS
from search.study.ledger import n_unbegun
from search.study.references import model0_candidates
from search.study.trial_record import TrialRecord
from spaces.candidate import Candidate
from trainable.tasks.registry import load_task


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedies:
    """Advice for a user whose machine is too small, as the end of an error message."""

    disk: str
    memory: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Trials that a driver is about to train."""

    config: StudyConfig
    place: Path  # folder of the records, and of checkpoints without storage.uri; may not exist yet
    sizes: Sequence[ModelSize]  # models that the trials can have
    n_least: int  # fewest trials that are trained
    n_most: int  # most trials that are trained
    n_together: int  # most trials that may run at once, however large the machine is
    n_kept: int  # most trials whose weights are kept
    remedies: Remedies


def search_work(
    config: StudyConfig,
    data: str,
    *,
    place: Path = STUDIES,
    records: Collection[TrialRecord] = (),
    retried: Collection[int] = (),
) -> Work:
    """Trials of a search on the prepared ``data`` that are still to be trained.

    Interrupted trials count as whole ones.

    Args:
        config: the study.
        data: folder of the prepared data.
        place: field of ``Work``.
        records: the trials of earlier sessions.
        retried: ids of those that are trained again from their start.

    Raises:
        UserError: no model of the space can be built on the data.
    """
    known = {record.key for record in records}
    n_again = sum(record.state == "running" or record.id in retried for record in records)
    n_trials = n_again + n_unbegun(config, records)
    task = load_task(data)
    model0s = model0_candidates(config) if config.search.references else []
    n_least = n_trials + sum(candidate.key not in known for candidate in model0s)
    return Work(
        config=config,
        place=place,
        sizes=[*study_sizes(config, task), *candidate_sizes(config, model0s, task)],
        n_least=n_least,
        n_most=n_least + bool(n_least and model0s),  # with the winner's deletion
        n_together=n_least,
        # With two objectives all trials can be on the Pareto front.
        n_kept=n_trials if config.objective.is_pareto else min(n_trials, N_KEPT_WEIGHTS),
        remedies=Remedies(
            disk="make room, put the checkpoints elsewhere with storage.uri, or lower "
            "search.n_concurrent",
            memory="lower search.n_concurrent, train.batch_tokens or the models' size",
        ),
    )


def replicates_work(
    config: StudyConfig,
    candidates: Sequence[Candidate],
    data: str,
    *,
    place: Path,
    n_least: int,
    n_most: int,
    n_together: int,
) -> Work:
    """Trials of ``candidates`` that are never stopped early and whose weights are all kept.

    Args:
        config: settings of the study.
        candidates: layouts and settings, each trained with one or more seeds.
        data: folder of the prepared data.
        place, n_least, n_most, n_together: fields of ``Work``.

    Raises:
        UserError: a candidate cannot be built on the data.
    """
    return Work(
        config=config.unstopped,
        place=place,
        sizes=candidate_sizes(config, candidates, load_task(data)),
        n_least=n_least,
        n_most=n_most,
        n_together=min(n_together, n_most),
        n_kept=n_most,
        remedies=Remedies(
            disk="make room, or give fewer --seeds", memory="free some, or give an --address"
        ),
    )
