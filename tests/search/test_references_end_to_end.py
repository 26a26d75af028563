"""A real study with references, from its file to MLflow and the export's card."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from search.doctor.examine import examine
from search.exports.export import export_layout
from search.study.folder import StudyFolder
from search.study.ledger import sorted_records
from search.study.ranking import best_trial
from search.study.references import aucc_ratio, references_of
from search.tracking.store import tracking_uri
from tests.search.command_line import reservoir_search, study_toml

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_a_study_trains_its_references_and_tells_of_them(
    tmp_path: Path, small_grammar: Path, monkeypatch: pytest.MonkeyPatch
):
    space = 'depth = 3\nn_reservoirs = [1, 2]\ninterleaving = ["bottom", "top"]\ndecoder_depth = 1'
    text = study_toml(
        small_grammar,
        space=space,
        search='n_trials = 2\nreferences = true\nalgorithm = "random"',
        objective='min_score = "1% of model0"\nname = "aucc"',
    )
    (tmp_path / "mine.toml").write_text(text)
    done = reservoir_search("run", "mine.toml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    monkeypatch.chdir(tmp_path)
    folder = StudyFolder(Path("studies/mine"))
    config, records = folder.config(), sorted_records(folder.trials)
    references = references_of(config, records)
    assert [(each.role, each.is_whole) for each in references] == [
        ("model0", True),
        ("deletion", True),
    ]
    assert len(records) == 4
    best = best_trial(records, config.objective)
    assert best is not None
    ratio = aucc_ratio(best, references[1].trial)
    sentence = f"is {ratio:.3f} of that of {references[1].trial.canonical}, the same layout"
    assert sentence in done.stdout
    assert [finding.faults for finding in examine(folder, repair=False) if finding.faults] == []
    client = MlflowClient(tracking_uri(config, folder))
    for each in references:
        run = client.get_run(str(each.trial.mlflow_run_id))
        assert run.data.tags["reference"] == each.role
    parent = client.get_run(run.data.tags["mlflow.parentRunId"])
    assert parent.data.metrics["winner_aucc_over_deletion"] == pytest.approx(ratio)
    exported, _ = export_layout(folder, trial=None, out=None, train=False)
    assert sentence in (exported / "README.md").read_text(encoding="utf-8")
