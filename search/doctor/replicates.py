"""Checks and repair of replicates: the trials of ``confirm`` and ``reproduce``.

They are in the same files as a search's, but for Optuna's journal; ``lineup.json`` names them.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence

from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from search.doctor.checkpoints import check_checkpoints
from search.doctor.copies import copies_kept, set_aside
from search.doctor.finding import Finding, Notes
from search.doctor.rebuild import stored_curve
from search.doctor.repair import (
    computed_again,
    repair_runs,
    repair_storage,
    runs_in_store,
    set_damaged_store_aside,
    write_records,
)
from search.doctor.rules import REPLICATES
from search.doctor.runs import check_runs
from search.doctor.trials import check_trials, derived_fields, record_faults
from search.replicates.contest import n_seeds_ended
from search.replicates.lineup import LINEUP, Lineup
from search.replicates.plans import Replicate
from search.replicates.replicate_trials import unstarted
from search.study.config import StudyConfig
from search.study.folder import StudyFolder
from search.study.ledger import Ledger
from search.study.ledger_lines import read_contents
from search.study.storage import study_storage
from search.study.trial_record import TrialRecord
from search.tracking.recorded_trial import recorded_trial
from search.tracking.trial_runs import params_of
from spaces.errors import UserError

logger = logging.getLogger(__name__)


def check_replicates(folder: StudyFolder) -> list[Finding]:
    """Findings of all checks; the folder must be locked."""
    config = folder.config()
    contents = read_contents(folder.trials)
    records = [record for _, record in sorted(contents.records.items())]
    return [
        check_trials(folder.trials, records, config, REPLICATES),
        check_lineup(folder, records),
        check_checkpoints(study_storage(folder), records, config, REPLICATES),
        check_runs(config, folder, records, REPLICATES),
    ]


def check_lineup(folder: StudyFolder, records: Sequence[TrialRecord]) -> Finding:
    """Check that each trial is one of an entrant; nothing is raised."""
    notes = Notes.empty()
    try:
        lineup = Lineup.load(folder.path)
    except UserError as error:
        notes.faults.append(str(error))
        return notes.finding(LINEUP, LINEUP)
    if lineup is None:
        if records:
            notes.waiting.append(f"it is gone; {REPLICATES.go_on} writes it again")
        return notes.finding(LINEUP, "no entrants")
    for record in records:
        if all(record.key != entrant.key(record.config.seed) for entrant in lineup.entrants):
            notes.faults.append(f"trial {record.id} is of no entrant")
    return notes.finding(LINEUP, f"{len(lineup.entrants)} entrants")


def repair_replicates(folder: StudyFolder) -> None:
    """Bring ``trials.jsonl``, storage and MLflow in line with each other.

    Trials that ``trials.jsonl`` lost come back from MLflow; then it is what the others are
    measured by. Copies stay as of ``repair_study``.

    Raises:
        UserError: MLflow cannot be reached.
    """
    config = folder.config()
    set_damaged_store_aside(config, folder)
    lineup = _lineup(folder)
    with copies_kept([folder.trials]):
        _rebuild_records(config, folder, lineup)
        with Ledger.in_order(folder.trials) as ledger:
            repair_storage(config, folder, ledger, n_kept=REPLICATES.n_kept)
            status = "FINISHED" if _is_over(lineup, ledger) else "KILLED"
            metrics = {"n_trained": float(ledger.n_trained)}
            repair_runs(config, folder, ledger, status=status, metrics=metrics, tags={})


def _lineup(folder: StudyFolder) -> Lineup | None:
    """The entrants and seeds; a damaged file is set aside."""
    try:
        return Lineup.load(folder.path)
    except UserError as error:
        aside = set_aside(folder.path / LINEUP)
        logger.warning("%s; it is now %s", error, aside)
        return None


def _is_over(lineup: Lineup | None, ledger: Ledger) -> bool:
    """True if all entrants have the same seeds, as when a plan ends; it may still add some."""
    if lineup is None:
        return False
    n_seeds = n_seeds_ended(lineup, ledger.records)
    return n_seeds * len(lineup.entrants) == len(ledger)


def _rebuild_records(config: StudyConfig, folder: StudyFolder, lineup: Lineup | None) -> None:
    """Rewrite ``trials.jsonl`` with derived fields computed again and lost trials put back."""
    contents = read_contents(folder.trials)
    records = {
        id_: computed_again(record, config, REPLICATES) for id_, record in contents.records.items()
    }
    client, runs = runs_in_store(config, folder, list(records.values()))
    found: dict[int, TrialRecord] = {}
    for id_, of_trial in sorted(runs.items()):
        assert client is not None
        known = {**records, **found}
        record = _ended(id_, client, of_trial, known.get(id_), config)
        if record is None and id_ not in known and lineup is not None:
            record = _begun(id_, of_trial, lineup, folder)
        others = {other.key for other in known.values() if other.id != id_}
        if record is not None and record.key not in others:  # it was trained again meanwhile
            found[id_] = record
    write_records(folder.trials, contents, records, found)


def _ended(
    id_: int,
    client: MlflowClient,
    runs: Sequence[Run],
    known: TrialRecord | None,
    config: StudyConfig,
) -> TrialRecord | None:
    """The trial as MLflow has it, if ``trials.jsonl`` lost it or its end.

    Args:
        known: the trial as ``trials.jsonl`` has it; None if that lost it.
    """
    if known is not None and known.state != "running":
        return None
    for run in runs:
        record = recorded_trial(client, run, id_=id_, space=config.space, optuna_number=id_)
        if record is None or (known is not None and record.state == "failed"):
            continue  # a failed trial may be trained again
        record = dataclasses.replace(record, key=REPLICATES.key_of(record, config))
        is_other = known is not None and record.key != known.key
        if not is_other and not record_faults(record, config, REPLICATES):
            return record
    return None


def _begun(
    id_: int, runs: Sequence[Run], lineup: Lineup, folder: StudyFolder
) -> TrialRecord | None:
    """Interrupted trial of the entrant and seed that a run has as its parameters."""
    config, data = folder.config(), folder.data()
    for run in runs:
        seed = run.data.params.get("seed", "")
        for entrant in lineup.entrants if seed.isdecimal() else ():
            replicate = Replicate(entrant=entrant, seed=int(seed))
            record = unstarted(replicate, config, id_=id_, data=data)
            if params_of(record).items() <= run.data.params.items():
                curve = stored_curve(record, study_storage(folder))
                record = dataclasses.replace(
                    record, curve=curve, mlflow_run_id=str(run.info.run_id)
                )
                derived = derived_fields(record, config, REPLICATES)
                return dataclasses.replace(record, **derived)
    return None
