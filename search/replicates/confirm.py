"""Comparison of a study's best candidates with each other and a baseline, over seeds."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from search.replicates.confirm_entrants import DELETION, OWN, confirm_entrants
from search.replicates.contest import Contest, contest, looks_at, n_seeds_ended
from search.replicates.entrant import Entrant
from search.replicates.lineup import Lineup
from search.replicates.plans import UntilSeparated, trials_ahead
from search.replicates.test_set import WeightsGone, paired_bootstrap, test_score
from search.replicates.train import ray_for_replicates, train_replicates
from search.run.deadline import Deadline
from search.study.bounds import least_score
from search.study.config import StudyConfig
from search.study.folder import ConfirmFolder, StudyFolder
from search.study.ledger import sorted_records
from search.study.place import settle_place
from search.study.score_name import score_name
from search.study.trial_record import TrialRecord
from spaces.errors import DamagedData, UserError
from trainable.config import ObjectiveConfig
from trainable.metrics.metric import PairedBootstrap


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """Comparison of the entrants, and the leader's score on the test set."""

    metric: str  # name of the scores
    contest: Contest
    n_seeds_before: int | None  # another number of seeds, planned until results were looked at
    bootstrap: PairedBootstrap | None  # against the baseline, if that does not lead


def confirm_study(
    study: StudyFolder,
    *,
    n_best: int,
    n_seeds: int,
    baseline: str | None,
    against: Sequence[str],
    address: str | None,
    deadline: Deadline | None,
) -> Confirmation:
    """Train the study's best candidates and others until one is significantly best.

    The study's own trials are left out, because they were selected for high values.

    Args:
        n_best: number of the study's best candidates that are trained.
        n_seeds: seeds of each entrant, at most; a later call can ask for more.
        baseline: encoder, in notation or by preset; if absent, learned layers without sharing,
            as many as the best candidate has.
        against: further encoders, written as ``baseline``. The deletions of the best candidates
            are compared too.
        address: address of a Ray cluster; this machine alone if absent.
        deadline: moment to end, finished or not.

    Raises:
        NotFinished: the deadline has come.
        UserError: the study has no completed trial, its ``confirm`` folder has further entrants,
            or trials are left that start from an export or can't be trained here.
        WorkFailed: no trial was completed.
    """
    config = study.config()
    settle_place(study)
    folder, data = study.confirm, study.data()
    entrants = confirm_entrants(
        config, sorted_records(study.trials), n_best=n_best, baseline=baseline, against=against
    )
    seeds = tuple(range(config.seed + 1, config.seed + 1 + n_seeds))
    plan = UntilSeparated(lineup=_lineup(folder, entrants, seeds), objective=_objective(study))
    if trials_ahead(plan, sorted_records(folder.trials))[1]:
        _refuse_start(config)
    with ray_for_replicates(config, plan, folder=folder, data=data, address=address) as trial_s:
        if not folder.resolved.is_file():
            folder.path.mkdir(exist_ok=True)
            shutil.copyfile(study.study_file, folder.study_file)
            folder.resolve(config, Path(data), purpose="confirm")
        train_replicates(folder, plan, address=address, deadline=deadline, expected_s=trial_s)
    confirmation = read_confirmation(study)
    assert confirmation is not None
    return confirmation


def _refuse_start(config: StudyConfig) -> None:
    """Check that no trial of the study starts from an export's encoder.

    Raises:
        UserError: all do.
    """
    if config.train.init_from is not None:
        raise UserError(
            f"study {config.name}: train.init_from: a baseline and other seeds' reservoirs are "
            "other encoders than the export's, and cannot start from it; compare seeds by hand: "
            "reservoir-search run STUDY.toml --set name=NAME --set seed=SEED (frozen random "
            "weights need an export of that seed)"
        )


def read_confirmation(study: StudyFolder) -> Confirmation | None:
    """Result of the study's ``confirm``; None before its first completed trial."""
    folder = study.confirm
    lineup = Lineup.load(folder.path)
    records = sorted_records(folder.trials)
    result = None if lineup is None else contest(lineup, records, _objective(study))
    if lineup is None or result is None:
        return None
    leader, baseline = result.leader.entrant, lineup.entrants[-1]
    on_test = None if leader == baseline else _on_the_test_set(folder, leader, baseline, records)
    return Confirmation(
        metric=score_name(records),
        contest=result,
        n_seeds_before=lineup.n_seeds_before,
        bootstrap=on_test,
    )


def _objective(study: StudyFolder) -> ObjectiveConfig:
    """The study's objective, ``min_score`` as a number where it is a part of Model 0's score."""
    objective = study.config().objective
    least = least_score(objective, sorted_records(study.trials))
    return objective.model_copy(update={"min_score": least})


def _on_the_test_set(
    folder: ConfirmFolder, leader: Entrant, baseline: Entrant, records: Sequence[TrialRecord]
) -> PairedBootstrap | None:
    """Paired bootstrap on the first seed that both completed.

    None without such a seed, or where the data or untested weights are gone: a confirmation is
    read without them too.
    """
    others = {record.config.seed: record for record in baseline.completed(records)}
    for record in leader.completed(records):
        other = others.get(record.config.seed)
        if other is not None:
            scores = (test_score(folder, trial) for trial in (record, other))
            try:
                return paired_bootstrap(folder, *scores)
            except (DamagedData, WeightsGone):
                return None
    return None


def _as_before(entrant: Entrant, earlier: Lineup) -> Entrant:
    """The entrant of an earlier call that a deletion, or one with its own settings, was then.

    Earlier versions left the decoder's reservoirs in deletions, and took own settings from the
    study file.
    """
    if not entrant.name.endswith(OWN) and not entrant.name.startswith(DELETION):
        return entrant
    for other in earlier.entrants:
        if other.name == entrant.name and other.candidate.encoder == entrant.candidate.encoder:
            return other
    return entrant


def _lineup(folder: ConfirmFolder, entrants: tuple[Entrant, ...], seeds: tuple[int, ...]) -> Lineup:
    """Entrants with their seeds, and another number of them that was planned before a look.

    Raises:
        UserError: an entrant of an earlier call is missing.
    """
    earlier = Lineup.load(folder.path)
    if earlier is None:
        return Lineup(entrants=entrants, seeds=seeds)
    entrants = tuple(_as_before(entrant, earlier) for entrant in entrants)
    keys = {entrant.candidate.key for entrant in entrants}
    if not all(entrant.candidate.key in keys for entrant in earlier.entrants):
        names = ", ".join(entrant.name for entrant in earlier.entrants)
        raise UserError(
            f"{folder.path} holds the confirmation of other layouts ({names}); use the same "
            "--top, --against and --baseline, or move the folder away"
        )
    n_ended = n_seeds_ended(earlier, sorted_records(folder.trials))
    if n_ended < looks_at(len(earlier.seeds))[0]:
        return Lineup(entrants=entrants, seeds=seeds)
    first = earlier.n_seeds_before or len(earlier.seeds)
    before = None if first == len(seeds) else first
    return Lineup(entrants=entrants, seeds=seeds, n_seeds_before=before)
