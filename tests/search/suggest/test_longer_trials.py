"""Trials of a study that go on to a longer budget."""

from __future__ import annotations

from pathlib import Path

import pytest
from optuna.trial import TrialState

from search.doctor.suggestions import check_suggestions
from search.study.folder import StudyFolder
from search.study.ledger import sorted_records
from search.suggest.contract import (
    LISTS,
    SimulatedSearch,
    contract_study,
    some_fail_and_some_stop,
)
from search.suggest.longer_trials import lengthen_trials, refuse_what_keeps_its_budget
from spaces.errors import UserError
from trainable.config import Budget

LONGER = Budget(updates=60)


def test_completed_trials_begin_again_with_the_longer_budget_and_optuna_has_no_old_value(
    tmp_path: Path,
):
    config = contract_study("tpe", LISTS)  # it learns from Optuna's values
    SimulatedSearch(config, tmp_path).run(some_fail_and_some_stop)
    folder = StudyFolder(tmp_path)
    before = sorted_records(folder.trials)
    longer = config.model_copy(update={"budget": LONGER})
    lengthen_trials(folder, longer)
    changed = sorted_records(folder.trials)
    assert sorted_records(tmp_path / "trials-30-updates.jsonl") == before
    assert {record.config.budget for record in changed} == {LONGER}
    for old, new in zip(before, changed, strict=True):
        is_again = old.state == "completed"
        assert new.state == ("running" if is_again else old.state)
        assert new.curve == (() if is_again else old.curve)
        assert (new.id, new.key, new.optuna_number) == (old.id, old.key, old.optuna_number)
    lengthen_trials(folder, longer)  # as the next driver
    assert sorted_records(folder.trials) == changed
    again = SimulatedSearch(longer, tmp_path)
    assert not [t for t in again.trials.suggestions if t.state is TrialState.COMPLETE]
    again.run()
    assert len(again.ledger.records) == len(before)
    finding = check_suggestions(folder.optuna_log, again.ledger.records, longer)
    assert finding.verdict == "ok", (finding.faults, finding.waiting)


def test_a_confirmation_and_earlier_studies_keep_a_study_at_its_budget(tmp_path: Path):
    folder = StudyFolder(tmp_path)
    refuse_what_keeps_its_budget(contract_study("random", LISTS), folder)
    warm = contract_study("random", LISTS, search={"warm_start": ["other"]})
    with pytest.raises(UserError, match=r"search\.warm_start are valued at the shorter budget"):
        refuse_what_keeps_its_budget(warm, folder)
    folder.confirm.path.mkdir()
    folder.confirm.trials.touch()
    with pytest.raises(UserError, match="confirm ended at the shorter budget"):
        refuse_what_keeps_its_budget(contract_study("random", LISTS), folder)
