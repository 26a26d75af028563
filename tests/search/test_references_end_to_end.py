"""A real study with references, from its file to MLflow and the export's card."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from search.doctor.examine import examine
from search.study.folder import StudyFolder
from search.study.ledger import sorted_records
from search.study.references import references_of
from search.tracking.store import tracking_uri
from tests.search.command_line import reservoir_search, study_toml

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_a_study_trains_its_references_in_slices_and_tells_of_them(
    tmp_path: Path, small_grammar: Path
):
    text = study_toml(
        small_grammar,
        space='depth = 3\nn_reservoirs = [1, 2]\ninterleaving = ["bottom", "top"]\ndecoder_depth = 1',
        search='n_trials = 2\nreferences = true\nalgorithm = "random"',
        objective='min_score = "1% of model0"\nname = "aucc"',
    )
    (tmp_path / "mine.toml").write_text(text)
    done = reservoir_search("run", "mine.toml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    folder = StudyFolder(tmp_path / "studies/mine")
    config, records = folder.config(), sorted_records(folder.trials)
    references = references_of(config, records)
    assert [each.role for each in references] == ["model0", "deletion"]
    assert [each.is_whole for each in references] == [True, True]
    assert len(records) == 4
    assert "Reservoirs: " in done.stdout
    shown = json.loads(reservoir_search("show", "mine", "--json", cwd=tmp_path).stdout)
    assert [each["trial"]["id"] for each in shown["references"]] == [
        each.trial.id for each in references
    ]
    again = reservoir_search("resume", "mine", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert len(sorted_records(folder.trials)) == 4
    assert [finding.faults for finding in examine(folder) if finding.faults] == []
    client = MlflowClient(tracking_uri(config, folder))
    for each in references:
        run = client.get_run(str(each.trial.mlflow_run_id))
        assert run.data.tags["reference"] == each.role
    parent = client.get_run(run.data.tags["mlflow.parentRunId"])
    best, deletion = shown["best"], shown["references"][1]["trial"]
    ratio = best["aucc"] / deletion["aucc"]
    assert parent.data.metrics["winner_aucc_over_deletion"] == pytest.approx(ratio)
    exported = reservoir_search("export", "mine", cwd=tmp_path)
    assert exported.returncode == 0, exported.stderr
    card = (folder.export / "README.md").read_text(encoding="utf-8")
    assert f"is {ratio:.3f} of that of {deletion['layout']}" in card
