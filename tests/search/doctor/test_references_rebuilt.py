"""References that ``trials.jsonl`` lost come back from MLflow, which alone knows of some."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from search.doctor.examine import examine
from search.study.config import StudyConfig
from search.study.folder import StudyFolder, make_study_folder
from search.study.ledger import read_records
from search.tracking.store import tracking_uri
from tests.search.conftest import TINY_STUDY
from tests.search.doctor.test_doctor import work_as_a_driver

pytestmark = pytest.mark.timeout(600)

# Model 0 and the deletion are no layouts of the space.
SPACE = {**TINY_STUDY["space"], "depth": 3, "n_reservoirs": [1], "share_learned": "none"}
STATES = ("completed", "completed", "completed", "running")
ROLES = ["model0", None, None, "deletion"]


@pytest.fixture(scope="module")
def study(
    tmp_path_factory: pytest.TempPathFactory, small_grammar: Path
) -> tuple[StudyConfig, StudyFolder]:
    """Model 0, two trials and the winner's deletion, which was interrupted."""
    place = tmp_path_factory.mktemp("references")
    (place / "study.toml").touch()
    search = {"algorithm": "random", "n_trials": 2, "references": True}
    tables = {"data": str(small_grammar), "space": SPACE, "search": search}
    config = StudyConfig.model_validate({**TINY_STUDY, **tables})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        folder = make_study_folder(config, place / "study.toml", small_grammar)
        folder = StudyFolder(folder.path.resolve())
        work_as_a_driver(config, folder, STATES)
    return config, folder


def test_references_come_back_with_their_roles_and_are_told_apart_in_mlflow(
    study: tuple[StudyConfig, StudyFolder],
):
    config, folder = study
    before = read_records(folder.trials)
    assert [before[id_].reference for id_ in range(4)] == ROLES
    assert [before[id_].is_of_the_space for id_ in range(4)] == [False, True, True, False]
    client = MlflowClient(tracking_uri(config, folder))
    tags = [client.get_run(str(before[id_].mlflow_run_id)).data.tags for id_ in range(4)]
    assert [each.get("reference") for each in tags] == ROLES
    lines = folder.trials.read_bytes().splitlines(keepends=True)
    folder.trials.write_bytes(b"".join(lines[1:3]))  # both references are lost
    findings = examine(folder, repair=True)
    after = read_records(folder.trials)
    assert after[0] == before[0]
    assert [after[id_].reference for id_ in range(4)] == ROLES
    assert after[3].state == "running"
    assert (after[3].key, after[3].curve, after[3].aucc) == (
        before[3].key,
        before[3].curve,
        before[3].aucc,
    )
    assert [finding.faults for finding in findings if finding.faults] == []
