"""Trials of a study whose budget has been made longer."""

from __future__ import annotations

import dataclasses
import shutil

from search.study.config import StudyConfig
from search.study.folder import StudyFolder
from search.study.ledger import Ledger, read_records
from search.study.revaluation import revalued
from search.study.trial_record import TrialRecord
from search.suggest.journal_rebuild import rebuild_journal
from spaces.errors import UserError
from trainable.config import CLOCKS, Budget


def refuse_what_keeps_its_budget(config: StudyConfig, folder: StudyFolder) -> None:
    """Check that nothing of the study would be left at its shorter budget.

    Raises:
        UserError: a confirmation was trained with it, or earlier studies were valued at it.
    """
    if folder.confirm.trials.is_file():
        raise UserError(
            f"--set budget: the trials in {folder.confirm.path} ended at the shorter budget; move "
            "the folder away, then confirm again"
        )
    if config.search.warm_start:
        raise UserError(
            "--set budget: the trials of search.warm_start are valued at the shorter budget; start "
            "a new study with the longer one"
        )


def lengthen_trials(folder: StudyFolder, config: StudyConfig) -> None:
    """Give all trials the study's budget; completed ones of a shorter one are to train again.

    No optimizer is kept of a completed trial, so it begins anew: with its seed it takes the same
    updates, and goes on from there. Nothing is done if all trials have the budget, so that a
    driver may be killed meanwhile. The records so far stay in a file of their own.
    """
    records = read_records(folder.trials)
    earlier = [r.config.budget for r in records.values() if r.config.budget != config.budget]
    if not earlier:
        return
    longer = {id_: _longer(record, config.budget) for id_, record in records.items()}
    copy = folder.trials.with_name(f"trials-{_in_words(earlier[0])}.jsonl")
    shutil.copyfile(folder.trials, copy)
    rebuild_journal(folder.optuna_log, config, list(longer.values()))
    Ledger(folder.trials, longer).compact()


def _longer(record: TrialRecord, budget: Budget) -> TrialRecord:
    config = record.config.model_copy(update={"budget": budget})
    if record.state == "completed" and record.config.budget != budget:
        return dataclasses.replace(record.begun_again(record.optuna_number), config=config)
    return revalued([dataclasses.replace(record, config=config)], config.objective)[0]


def _in_words(budget: Budget) -> str:
    """The limits as a part of a file's name: ``400-updates``."""
    limits = [(clock, limit) for clock in CLOCKS if (limit := budget.on(clock)) is not None]
    return "-".join(f"{limit:.15g}-{clock}" for clock, limit in limits)
