"""A study's runs in MLflow after its folder, its runs or its store changed behind its back."""

from __future__ import annotations

import dataclasses
import json
import shlex
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from mlflow.entities import Run, ViewType
from mlflow.tracking import MlflowClient

from search.doctor.runs import check_runs
from search.report.study_result import print_result
from search.run.driver import StudyResult
from search.study.config import StudyConfig
from search.study.folder import STUDIES, StudyFolder, find_study, make_study_folder
from search.study.ledger import Ledger, sorted_records
from search.study.place import settle_place
from search.study.storage import study_storage
from search.study.trial_record import TrialRecord
from search.suggest.suggestion_counts import SuggestionCounts
from search.tracking.store import tracking_uri
from search.tracking.tracking import Tracking
from search.tracking.trial_pages import trial_pages
from spaces.errors import UserError
from tests.search.disturbed import wait_for

N_TRIALS = 2
PARENT = "mlflow.parentRunId"
STUDY, TRIAL_OF = "reservoir_search.study", "reservoir_search.trial_of"
TRIAL_ID = "reservoir_search.trial_id"

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with MLflow's tables, from which the tests take copies: making them takes seconds."""
    database = tmp_path_factory.mktemp("store") / "mlflow.db"
    MlflowClient(f"sqlite:///{database}").search_experiments(max_results=1)
    return database


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "search.tracking.trial_runs.write_curve_png", lambda _record, path: path.write_text("png")
    )


@pytest.fixture(scope="module")
def shared_store(empty_store: Path) -> Path:
    """A store for studies of many tests, which all have one name."""
    return Path(shutil.copyfile(empty_store, empty_store.with_name("shared.db")))


@pytest.fixture
def make_study(
    empty_store: Path,
    tiny_study: Callable[..., StudyConfig],
    make_record: Callable[..., TrialRecord],
    studies_here: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., StudyFolder]:
    """Makes a study with ended trials in the store at ``uri``, by default its own."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    def make(uri: str | None = None, **tables: object) -> StudyFolder:
        config = tiny_study(tracking={"uri": uri}, **tables)
        (studies_here / "study.toml").touch()
        folder = make_study_folder(config, studies_here / "study.toml", studies_here)
        shutil.copyfile(empty_store, folder.mlflow_database)
        work(folder, [make_record(id_) for id_ in range(N_TRIALS)])
        return folder

    return make


@pytest.fixture(params=["own", "shared"])
def study(
    request: pytest.FixtureRequest, make_study: Callable[..., StudyFolder], shared_store: Path
) -> StudyFolder:
    """A study in a store of its own, or in one with other studies of its name."""
    return make_study(f"sqlite:///{shared_store}" if request.param == "shared" else None)


def work(folder: StudyFolder, records: list[TrialRecord] | None = None) -> None:
    """Work on the study as ``run`` and ``resume`` do, without a new trial."""
    settle_place(folder)
    with folder.locked(), Ledger.in_order(folder.trials) as ledger:
        for record in records or []:
            ledger.put(record)
        tracking = Tracking.start(folder.config(), folder, ledger)
        for record in ledger.records:
            tracking.note(record)
        assert tracking.close("FINISHED", metrics={}, tags={})


def client_of(folder: StudyFolder) -> MlflowClient:
    return MlflowClient(tracking_uri(folder.config(), folder))


def runs_of(folder: StudyFolder, view: int = ViewType.ACTIVE_ONLY) -> list[Run]:
    """Runs in the one experiment that has the study's id."""
    client = client_of(folder)
    (experiment,) = [
        each for each in client.search_experiments() if each.tags.get(STUDY) == folder.id()
    ]
    return list(client.search_runs([experiment.experiment_id], run_view_type=view))


def runs_of_trial(folder: StudyFolder, id_: int) -> Run:
    (run,) = [run for run in runs_of(folder) if run.data.tags.get(TRIAL_ID) == str(id_)]
    return run


def parent_of(folder: StudyFolder) -> Run:
    (parent,) = [run for run in runs_of(folder) if PARENT not in run.data.tags]
    return parent


def judge(folder: StudyFolder) -> None:
    """Each trial has one run, below the study's only one, with files in the study's folder."""
    client, records = client_of(folder), sorted_records(folder.trials)
    parent = parent_of(folder)
    assert parent.data.tags[STUDY] == folder.id()
    children = [run for run in runs_of(folder) if PARENT in run.data.tags]
    by_trial = {int(run.data.tags[TRIAL_ID]): run for run in children}
    assert len(children) == len(by_trial) == N_TRIALS == len(records)
    for record in records:
        run = by_trial[record.id]
        assert run.info.run_id == record.mlflow_run_id
        assert (run.data.tags[PARENT], run.data.tags[TRIAL_OF]) == (parent.info.run_id, folder.id())
        assert run.info.status == "FINISHED"
        sent = client.get_metric_history(run.info.run_id, "score")
        assert [m.value for m in sent] == [point.score for point in record.curve]
        assert run.info.artifact_uri.startswith(f"{folder.mlflow_artifacts.resolve().as_uri()}/")
        table = Path(client.download_artifacts(run.info.run_id, "curve.csv", str(folder.path)))
        assert len(table.read_text().splitlines()) == 1 + len(record.curve)
    assert check_runs(folder.config(), folder, records).verdict == "ok"


def moved(study: StudyFolder) -> StudyFolder:
    Path("far/away").mkdir(parents=True)
    return StudyFolder(study.path.rename("far/away/tiny").resolve())


def renamed(study: StudyFolder) -> StudyFolder:
    return StudyFolder(study.path.rename(study.path.with_name("its other name")))


def renamed_then_moved(study: StudyFolder) -> StudyFolder:
    work(renamed(study))
    return moved(StudyFolder(STUDIES / "its other name"))


def copied(study: StudyFolder) -> StudyFolder:
    return StudyFolder(shutil.copytree(study.path, study.path.with_name("twin")))


def with_deleted_experiment(study: StudyFolder) -> StudyFolder:
    client_of(study).delete_experiment(parent_of(study).info.experiment_id)
    return study


def with_renamed_experiment(study: StudyFolder) -> StudyFolder:
    client_of(study).rename_experiment(parent_of(study).info.experiment_id, "of my thesis")
    return study


def with_deleted_parent(study: StudyFolder) -> StudyFolder:
    client_of(study).delete_run(parent_of(study).info.run_id)
    return study


def with_all_runs_deleted(study: StudyFolder) -> StudyFolder:
    for run in runs_of(study):
        client_of(study).delete_run(run.info.run_id)
    return study


def with_purged_parent(study: StudyFolder) -> StudyFolder:
    """The parent run removed for good, as by ``mlflow gc``."""
    run_id = parent_of(study).info.run_id
    database = tracking_uri(study.config(), study).removeprefix("sqlite:///")
    with closing(sqlite3.connect(database)) as store, store:
        for table in ("tags", "params", "metrics", "latest_metrics", "runs"):
            store.execute(f"delete from {table} where run_uuid = ?", (run_id,))
    return study


def with_two_parents(study: StudyFolder) -> StudyFolder:
    """A second parent, as earlier versions made when the first was deleted; it is back now."""
    tags = {STUDY: study.id(), "state": "study"}
    client_of(study).create_run(parent_of(study).info.experiment_id, tags=tags)
    return study


def with_a_run_twice_in_a_deleted_experiment(study: StudyFolder) -> StudyFolder:
    """Restoring an experiment restores the runs, too, that were deleted before it."""
    client, parent = client_of(study), parent_of(study)
    tags = {PARENT: parent.info.run_id, TRIAL_ID: "0", TRIAL_OF: study.id()}
    run = client.create_run(parent.info.experiment_id, tags=tags)
    client.delete_run(run.info.run_id)
    return with_deleted_experiment(study)


def of_an_earlier_version(study: StudyFolder) -> StudyFolder:
    """Without what says whose an experiment and a trial's run are."""
    client = client_of(study)
    for run in runs_of(study):
        if TRIAL_OF in run.data.tags:
            client.delete_tag(run.info.run_id, TRIAL_OF)
    client.delete_experiment_tag(parent_of(study).info.experiment_id, STUDY)
    resolved = json.loads(study.resolved.read_text())
    del resolved["place"], resolved["tracked_at"], resolved["crc32"]
    study.resolved.write_text(json.dumps(resolved))
    return study


def of_an_earlier_version_and_moved(study: StudyFolder) -> StudyFolder:
    return moved(of_an_earlier_version(study))


FAULTS = {
    "own": (renamed_then_moved, of_an_earlier_version_and_moved),
    "shared": (
        moved,
        with_deleted_experiment,
        with_a_run_twice_in_a_deleted_experiment,
        with_renamed_experiment,
        with_deleted_parent,
        with_all_runs_deleted,
        with_purged_parent,
        with_two_parents,
    ),
}


@pytest.mark.parametrize(
    ("study", "fault"),
    [
        pytest.param(store, fault, id=f"{fault.__name__} ({store})")
        for store, faults in FAULTS.items()
        for fault in faults
    ],
    indirect=["study"],
)
def test_each_trial_has_one_run_after_a_fault(
    study: StudyFolder, fault: Callable[[StudyFolder], StudyFolder]
):
    found = fault(study)
    work(found)
    judge(found)
    n_runs = len(runs_of(found, ViewType.ALL))
    work(found)
    assert len(runs_of(found, ViewType.ALL)) == n_runs  # the second time nothing is made


@pytest.mark.parametrize("study", ["shared"], indirect=True)
@pytest.mark.parametrize(
    "deletion", [with_deleted_experiment, with_purged_parent], ids=lambda fault: fault.__name__
)
def test_what_is_deleted_during_a_search_is_back_at_its_end(
    study: StudyFolder, deletion: Callable[[StudyFolder], StudyFolder]
):
    with Ledger.in_order(study.trials) as ledger:
        tracking = Tracking.start(study.config(), study, ledger)
        deletion(study)
        assert check_runs(study.config(), study, ledger.records).verdict == "fault"
        assert tracking.close("FINISHED", metrics={}, tags={})
    judge(study)
    assert parent_of(study).info.status == "FINISHED"


@pytest.mark.parametrize("study", ["shared"], indirect=True)
def test_a_trial_that_goes_on_in_a_deleted_experiment_is_recorded_once(
    study: StudyFolder, make_record: Callable[..., TrialRecord], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("search.tracking.tracking.RETRY_S", 0.1)
    whole = make_record(1)
    begun = dataclasses.replace(whole, state="running", curve=whole.curve[:1])
    with Ledger.in_order(study.trials) as ledger:
        ledger.put(dataclasses.replace(begun, mlflow_run_id=None))
        client_of(study).delete_run(str(runs_of_trial(study, 1).info.run_id))
        tracking = Tracking.start(study.config(), study, ledger)
        tracking.note(ledger[1])
        wait_for(lambda: ledger[1].mlflow_run_id is not None)
        with_deleted_experiment(study)
        ledger.update(1, curve=whole.curve, state="completed")
        tracking.note(ledger[1])
        assert tracking.close("FINISHED", metrics={}, tags={})
    judge(study)


@pytest.mark.parametrize("study", ["own", "shared"], indirect=True)
def test_a_copy_and_its_original_have_nothing_in_common(
    study: StudyFolder, caplog: pytest.LogCaptureFixture
):
    twin, original_id = copied(study), study.id()
    work(twin)
    (line,) = [text for text in caplog.messages if "copy" in text]
    assert line.startswith(f"studies/twin: a copy of {study.path.resolve()}; it has an id of its")
    work(study)
    judge(study)
    judge(twin)
    assert study.id() == original_id != twin.id()
    assert len([text for text in caplog.messages if "copy" in text]) == 1


def test_a_copy_has_checkpoints_of_its_own_in_a_chosen_storage(
    make_study: Callable[..., StudyFolder], tmp_path: Path
):
    (tmp_path / "bucket").mkdir()
    study = make_study(storage={"uri": str(tmp_path / "bucket")})
    shutil.copytree(study.path, study.confirm.path)  # a confirmation, with files as a study's
    study.confirm.change(id="c" * 32)
    for part in (study, study.confirm):
        file = Path(study_storage(part).path) / "session-001/trial-0000/weights"
        file.parent.mkdir(parents=True)
        file.write_text(part.id())
    twin = copied(study)
    settle_place(twin)
    pairs = ((study, twin), (study.confirm, twin.confirm))
    assert len({part.id() for pair in pairs for part in pair}) == 4
    for original, copy in pairs:
        assert study_storage(copy).path != study_storage(original).path
        for part in (original, copy):
            file = Path(study_storage(part).path) / "session-001/trial-0000/weights"
            assert file.read_text() == original.id()


@pytest.mark.parametrize("study", ["own"], indirect=True)
def test_another_path_to_a_folder_is_no_copy(study: StudyFolder, tmp_path: Path):
    id_ = study.id()
    linked = StudyFolder(tmp_path / "link")
    linked.path.symlink_to(study.path.resolve())
    settle_place(linked)
    assert linked.id() == id_
    assert linked.place() == study.path.resolve()


@pytest.mark.parametrize("study", ["shared"], indirect=True)
def test_two_studies_of_one_name_do_not_mix(
    study: StudyFolder,
    make_study: Callable[..., StudyFolder],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    first = StudyFolder(study.path.resolve())
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    second = make_study(first.config().tracking.uri)
    work(first)
    for each in (first, second):
        judge(each)
    experiments = [parent_of(each).info.experiment_id for each in (first, second)]
    assert experiments[0] != experiments[1]


@pytest.mark.parametrize("study", ["own"], indirect=True)
def test_a_changed_tracking_uri_is_told_and_the_runs_are_made_there_once(
    study: StudyFolder,
    shared_store: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    own, there = "mlflow.db", f"sqlite:///{shared_store}"
    for before, now in ((own, there), (there, own), (own, there)):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", "" if now == own else there)
        work(study)
        (line,) = [text for text in caplog.messages if "until now" in text]
        assert line.startswith(
            f"MLflow: the study was recorded at {before} until now, from here on it is at {now}; "
        )
        judge(study)
        caplog.clear()


@pytest.mark.parametrize("study", ["own"], indirect=True)
def test_ui_shows_the_artifacts_of_a_moved_study_and_tells_where_else_it_was_recorded(
    study: StudyFolder, shared_store: Path, monkeypatch: pytest.MonkeyPatch
):
    found = renamed(study)
    assert "Mode=CHART" in trial_pages(found, tracking_uri(found.config(), found), "base").charts
    judge(found)
    there = f"sqlite:///{shared_store}"
    with pytest.raises(UserError, match=r"recorded at mlflow\.db: give MLFLOW_TRACKING_URI"):
        trial_pages(found, there, "base")


@pytest.mark.parametrize("study", ["own"], indirect=True)
def test_hints_name_the_folder_at_hand(study: StudyFolder, capsys: pytest.CaptureFixture[str]):
    counts = SuggestionCounts.of([], n_trained=N_TRIALS)
    for place, argument in ((renamed, "'its other name'"), (moved, None)):
        study = place(study)
        print_result(StudyResult(folder=study, counts=counts, mlflow_is_complete=True))
        hints = [line for line in capsys.readouterr().out.splitlines() if "export it" in line]
        assert hints == [f"  export it:        reservoir-search export {argument or study.path}"]
        assert find_study(*shlex.split(study.argument)).path == study.path
