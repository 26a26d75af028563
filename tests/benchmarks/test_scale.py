"""The scale benchmark on a few trials: it drives the search through names that may move."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import scale
from benchmarks.command import Options


@pytest.mark.slow
@pytest.mark.cluster
@pytest.mark.timeout(900)
def test_a_few_trials_go_through_the_whole_service(
    small_grammar: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(scale, "SIZES", (4,))
    monkeypatch.setattr(scale, "WINDOW", 2)
    monkeypatch.setattr(scale, "ALGORITHMS", ("surrogate",))
    report = scale.measure(Options(out=tmp_path, data=small_grammar))
    costs, suggestions, files, commands = report.tables
    assert [row["trials"] for row in costs.rows] == [2, 3, 4]
    for row in costs.rows:
        whole, sending = row["all"], row["sending"]
        assert isinstance(whole, float)
        assert isinstance(sending, float)
        assert whole > sending >= 0
    (row,) = suggestions.rows
    assert set(row) == {"trials", "random", "surrogate"}
    (row,) = files.rows
    assert row["MLflow runs"] == 4 + 1  # the study's own
    (row,) = commands.rows
    assert all(isinstance(seconds, int | float) and seconds > 0 for seconds in row.values())
