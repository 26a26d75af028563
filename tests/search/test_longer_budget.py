"""A finished study that is given a longer budget on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.doctor.examine import examine
from search.study.folder import StudyFolder
from search.study.ledger import sorted_records
from tests.search.command_line import reservoir_search, study_toml

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_a_finished_study_trains_on_to_a_longer_budget_along_the_same_curves(
    tmp_path: Path, small_grammar: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    text = study_toml(
        small_grammar,
        space='depth = 2\nn_reservoirs = [0, 1]\ninterleaving = ["bottom", "top"]',
        search='n_trials = 2\nreferences = true\nalgorithm = "tpe"',
        scheduler='name = "none"',
    )
    Path("mine.toml").write_text(text)
    assert reservoir_search("run", "mine.toml", cwd=tmp_path).returncode == 0
    folder = StudyFolder(Path("studies/mine"))
    before = sorted_records(folder.trials)
    done = reservoir_search("resume", "mine", "--set", "budget.updates=20", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    after = {record.id: record for record in sorted_records(folder.trials)}
    assert folder.config().budget.updates == 20
    for record in before:
        longer = after[record.id].curve
        assert after[record.id].state == "completed"
        assert [point.updates for point in longer] == [4, 8, 12, 16, 20]
        assert [p.loss for p in longer[:3]] == [p.loss for p in record.curve]
        assert after[record.id].mlflow_run_id == record.mlflow_run_id
    assert [finding.faults for finding in examine(folder, repair=False) if finding.faults] == []
