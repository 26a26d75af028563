from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.search.command_line import reservoir_search, study_toml


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_study_on_the_paper_s_clock_runs_stops_and_is_exported(
    tmp_path: Path, small_grammar: Path
):
    toml = study_toml(
        small_grammar,
        objective='clock = "seconds"\nparameters = "learned"',
        budget="seconds = 2.0",
        scheduler='name = "median"\ngrace = 0.5',
        search="n_trials = 3\nn_concurrent = 1",
    )
    (tmp_path / "minutes.toml").write_text(toml)
    done = reservoir_search("run", "minutes.toml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    shown = json.loads(reservoir_search("show", "minutes", "--json", cwd=tmp_path).stdout)
    assert shown["objective"]["horizon"] == 2.0
    best = shown["best"]
    assert best["clock"] >= 2.0
    # Score x minutes: at most the best score held for the whole 2 seconds.
    assert 0 <= best["aucc"] <= best["score"] * 2 / 60
    assert best["objective"] == pytest.approx(best["aucc"] / (best["n_params_learned"] / 1e6))
    exported = reservoir_search("export", "minutes", cwd=tmp_path)
    assert exported.returncode == 0, exported.stderr
