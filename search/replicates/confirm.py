"""Comparison of a study's best candidates with each other and a baseline, over seeds."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from search.replicates.contest import Contest, contest
from search.replicates.entrant import Entrant
from search.replicates.lineup import Lineup
from search.replicates.plans import UntilSeparated
from search.replicates.test_set import paired_bootstrap, test_score
from search.replicates.train import ray_for_replicates, train_replicates
from search.run.deadline import Deadline
from search.study.config import StudyConfig
from search.study.folder import ConfirmFolder, StudyFolder
from search.study.ledger import sorted_records
from search.study.place import settle_place
from search.study.ranking import ranked
from search.study.score_name import score_name
from search.study.trained_candidate import candidate_of
from search.study.trial_record import TrialRecord
from spaces.candidate import Candidate
from spaces.errors import UserError
from spaces.presets import resolve_layout
from trainable.metrics.metric import PairedBootstrap

BASELINE = "baseline"


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """Comparison of the entrants, and the leader's score on the test set."""

    metric: str  # name of the scores
    contest: Contest
    bootstrap: PairedBootstrap | None  # against the baseline; None where that leads


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
        against: further encoders, written as ``baseline``.
        address: address of a Ray cluster; this machine alone if absent.
        deadline: moment to end, finished or not.

    Raises:
        NotFinished: the deadline has come.
        UserError: the study has no completed trial, its ``confirm`` folder has other entrants,
            or the trials can't be trained here.
        WorkFailed: no trial was completed.
    """
    settle_place(study)
    folder, data = study.confirm, study.data()
    config = study.config()
    lineup = Lineup(
        entrants=_entrants(study, config, n_best=n_best, baseline=baseline, against=against),
        seeds=tuple(range(config.seed + 1, config.seed + 1 + n_seeds)),
    )
    _refuse_others(folder, lineup)
    plan = UntilSeparated(lineup=lineup)
    with ray_for_replicates(config, plan, folder=folder, data=data, address=address):
        if not folder.resolved.is_file():
            folder.path.mkdir(exist_ok=True)
            shutil.copyfile(study.study_file, folder.study_file)
            folder.resolve(config, Path(data), purpose="confirm")
        train_replicates(folder, plan, address=address, deadline=deadline)
    confirmation = read_confirmation(study)
    assert confirmation is not None
    return confirmation


def read_confirmation(study: StudyFolder) -> Confirmation | None:
    """Result of the study's ``confirm``; None before its first completed trial."""
    folder = study.confirm
    lineup = Lineup.load(folder.path)
    records = sorted_records(folder.trials)
    if lineup is None or not any(record.state == "completed" for record in records):
        return None
    result = contest(lineup.entrants, records, n_seeds_at_most=len(lineup.seeds))
    leader, baseline = result.standings[0].entrant, lineup.entrants[-1]
    on_test = None if leader == baseline else _on_the_test_set(folder, leader, baseline, records)
    return Confirmation(metric=score_name(records), contest=result, bootstrap=on_test)


def _on_the_test_set(
    folder: ConfirmFolder, leader: Entrant, baseline: Entrant, records: Sequence[TrialRecord]
) -> PairedBootstrap | None:
    """Paired bootstrap on the first seed that both completed; None without such a seed."""
    others = {record.config.seed: record for record in baseline.completed(records)}
    for record in leader.completed(records):
        other = others.get(record.config.seed)
        if other is not None:
            scores = (test_score(folder, trial) for trial in (record, other))
            return paired_bootstrap(folder, *scores)
    return None


def _entrants(
    study: StudyFolder,
    config: StudyConfig,
    *,
    n_best: int,
    baseline: str | None,
    against: Sequence[str],
) -> tuple[Entrant, ...]:
    best_first = ranked(sorted_records(study.trials), config.objective)
    if not best_first:
        raise UserError(f"study {config.name}: no trial is completed yet; let it run on")
    candidates = {record.key: candidate_of(record.config, config.space) for record in best_first}
    best = list(candidates.values())[:n_best]
    text = f"(L)*{best[0].encoder.depth}" if baseline is None else baseline
    named = {
        f"{place}: {candidate.encoder.canonical()}": candidate
        for place, candidate in enumerate(best, start=1)
    }
    named |= {other: _with_encoder(best[0], other) for other in against}
    control = _with_encoder(best[0], text)
    taken = {control.key}
    entrants = []
    for name, candidate in named.items():
        if candidate.key not in taken:
            taken.add(candidate.key)
            entrants.append(Entrant(name=name, candidate=candidate))
    return (*entrants, Entrant(name=BASELINE, candidate=control))


def _with_encoder(best: Candidate, text: str) -> Candidate:
    """Best candidate with another encoder, otherwise unchanged."""
    encoder = resolve_layout(text)
    gain = best.reservoir_gain if encoder.n_reservoirs else 1.0
    return Candidate(encoder=encoder, decoder=best.decoder, reservoir_gain=gain, hyper=best.hyper)


def _refuse_others(folder: ConfirmFolder, lineup: Lineup) -> None:
    earlier = Lineup.load(folder.path)
    if earlier is not None and earlier.entrants != lineup.entrants:
        names = ", ".join(entrant.name for entrant in earlier.entrants)
        raise UserError(
            f"{folder.path} holds the confirmation of other layouts ({names}); use the same "
            "--top, --against and --baseline, or move the folder away"
        )
