"""A study whose trials share a GPU: `pytest -m gpu`."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from search.study.folder import StudyFolder
from search.study.ledger import read_records
from tests.search.command_line import reservoir_search, study_toml

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device, none is here"),
]


@pytest.mark.timeout(600)
def test_two_trials_at_a_time_train_on_one_gpu(small_grammar: Path, tmp_path: Path):
    study = study_toml(
        small_grammar,
        ranks="gpus_per_rank = 0.5",
        search='n_trials = 4\nn_concurrent = 2\nalgorithm = "random"',
        scheduler='name = "none"',
    )
    (tmp_path / "shared-gpu.toml").write_text(study)
    done = reservoir_search("run", "shared-gpu.toml", cwd=tmp_path, timeout=500)
    assert done.returncode == 0, done.stderr
    records = read_records(StudyFolder(tmp_path / "studies/shared-gpu").trials).values()
    assert [record.state for record in records] == ["completed"] * 4
    assert all(record.peak_memory_bytes for record in records)
