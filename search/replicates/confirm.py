"""The best candidates of a study against each other and a baseline, over seeds."""

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
from search.study.config import StudyConfig
from search.study.folder import ConfirmFolder, StudyFolder
from search.study.ledger import sorted_records
from search.study.ranking import ranked
from search.study.score_name import score_name
from search.study.trained_candidate import candidate_of
from search.study.trial_record import TrialRecord
from spaces.candidate import Candidate
from spaces.errors import UserError
from spaces.layout import Layout
from spaces.presets import resolve_layout
from trainable.metrics.metric import PairedBootstrap

BASELINE = "baseline"


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """How the entrants stand, and the leader's score on the test set."""

    metric: str  # of the scores
    contest: Contest
    bootstrap: PairedBootstrap | None  # against the baseline; None where that leads


def confirm_study(
    study: StudyFolder, *, n_best: int, n_seeds: int, baseline: str | None, address: str | None
) -> Confirmation:
    """Train the study's ``n_best`` candidates and a baseline until one is separated.

    The study's own trials take no part: they were chosen for being high.

    Args:
        n_seeds: of each entrant, at most; a later call can ask for more.
        baseline: an encoder, in notation or by preset; if absent as many learned layers as
            the best candidate is deep, none of which share.
        address: of a Ray cluster; this machine alone if absent.

    Raises:
        UserError: the study has no completed trial, other entrants are being confirmed, or
            the trials can't be trained here.
        WorkFailed: no trial was completed.
    """
    folder, data = study.confirm, study.data()
    config = study.config()
    lineup = Lineup(
        entrants=_entrants(study, config, n_best=n_best, baseline=baseline),
        seeds=tuple(range(config.seed + 1, config.seed + 1 + n_seeds)),
    )
    _refuse_others(folder, lineup)
    plan = UntilSeparated(lineup=lineup)
    with ray_for_replicates(config, plan, folder=folder, data=data, address=address):
        if not folder.resolved.is_file():
            folder.path.mkdir(exist_ok=True)
            shutil.copyfile(study.study_file, folder.study_file)
            folder.resolve(config, Path(data), purpose="confirm")
        train_replicates(folder, plan, address=address)
    confirmation = read_confirmation(study)
    assert confirmation is not None
    return confirmation


def read_confirmation(study: StudyFolder) -> Confirmation | None:
    """How the study's ``confirm`` stands; None where nothing was trained for it."""
    folder = study.confirm
    lineup = Lineup.load(folder.path)
    records = sorted_records(folder.trials)
    if lineup is None or not any(record.state == "completed" for record in records):
        return None
    told = contest(lineup.entrants, records, n_seeds_at_most=len(lineup.seeds))
    leader, baseline = told.standings[0].entrant, lineup.entrants[-1]
    on_test = None if leader == baseline else _on_the_test_set(folder, leader, baseline, records)
    return Confirmation(metric=score_name(records), contest=told, bootstrap=on_test)


def _on_the_test_set(
    folder: ConfirmFolder, leader: Entrant, baseline: Entrant, records: Sequence[TrialRecord]
) -> PairedBootstrap | None:
    """The first seed that both were trained with; None where there is none."""
    others = {record.config.seed: record for record in baseline.completed(records)}
    for record in leader.completed(records):
        other = others.get(record.config.seed)
        if other is not None:
            scores = (test_score(folder, trial) for trial in (record, other))
            return paired_bootstrap(folder, *scores)
    return None


def _entrants(
    study: StudyFolder, config: StudyConfig, *, n_best: int, baseline: str | None
) -> tuple[Entrant, ...]:
    best_first = ranked(sorted_records(study.trials), config.objective)
    if not best_first:
        raise UserError(f"study {config.name}: no trial is completed yet; let it run on")
    candidates = {record.key: candidate_of(record.config, config.space) for record in best_first}
    best = list(candidates.values())[:n_best]
    control = _baseline(best[0], baseline)
    named = [
        Entrant(name=f"{place}: {candidate.encoder.canonical()}", candidate=candidate)
        for place, candidate in enumerate(best, start=1)
        if candidate.key != control.key
    ]
    return (*named, Entrant(name=BASELINE, candidate=control))


def _baseline(best: Candidate, text: str | None) -> Candidate:
    """The best candidate with another encoder, and all else as it has it."""
    encoder = Layout.parse(f"(L)*{best.encoder.depth}") if text is None else resolve_layout(text)
    gain = best.reservoir_gain if encoder.n_reservoirs else 1.0
    return Candidate(encoder=encoder, decoder=best.decoder, reservoir_gain=gain, hyper=best.hyper)


def _refuse_others(folder: ConfirmFolder, lineup: Lineup) -> None:
    before = Lineup.load(folder.path)
    if before is not None and before.entrants != lineup.entrants:
        names = ", ".join(entrant.name for entrant in before.entrants)
        raise UserError(
            f"{folder.path}: others are confirmed there ({names}); ask for the same, or move the "
            "folder away"
        )
