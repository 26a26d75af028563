"""Records of a study in MLflow: of a real study, and of drivers that end in mid-work."""

from __future__ import annotations

import csv
import dataclasses
import json
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import pytest
from mlflow.entities import Metric, Run
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from sacrebleu.metrics.bleu import BLEU

from search.study.config import StudyConfig
from search.study.folder import StudyFolder, make_study_folder
from search.study.ledger import Ledger
from search.study.trial_record import TrialRecord
from search.tracking.experiment import find_experiment
from search.tracking.origin import axes_of
from search.tracking.runs import study_runs
from search.tracking.study_run import StudyRun
from search.tracking.tracking import Tracking
from search.tracking.trial_pages import trial_pages
from search.tracking.trial_runs import TrialRuns, sent_points
from spaces.errors import UserError
from tests.search.conftest import RealStudy
from trainable.data.manifest import Manifest

pytestmark = pytest.mark.timeout(600)

STATUS = {"completed": "FINISHED", "stopped": "KILLED", "failed": "FAILED"}
CURVE_METRICS = ("score", "loss", "train_loss", "aucc", "objective", "tokens_per_s", "seconds")
Make = Callable[..., TrialRecord]


@pytest.fixture(scope="module")
def records(real_study: RealStudy) -> list[TrialRecord]:
    return real_study.records


@pytest.fixture(scope="module")
def client(real_study: RealStudy) -> MlflowClient:
    return MlflowClient(f"sqlite:///{real_study.folder.mlflow_database}")


@pytest.fixture(scope="module")
def runs(client: MlflowClient) -> dict[str, Run]:
    """The real study's runs by id."""
    return {run.info.run_id: run for run in runs_of(client, "mine")}


def runs_of(client: MlflowClient, study: str) -> list[Run]:
    experiment = client.get_experiment_by_name(study)
    assert experiment is not None
    return list(client.search_runs([experiment.experiment_id]))


def children(client: MlflowClient, study: str) -> list[Run]:
    return [run for run in runs_of(client, study) if "mlflow.parentRunId" in run.data.tags]


def test_each_trial_has_a_run_under_the_studys(records: list[TrialRecord], runs: dict[str, Run]):
    parents = [run for run in runs.values() if "mlflow.parentRunId" not in run.data.tags]
    assert [run.info.status for run in parents] == ["FINISHED"]
    assert len(runs) == 1 + len(records)
    for record in records:
        run = runs[str(record.mlflow_run_id)]
        assert run.data.tags["mlflow.parentRunId"] == parents[0].info.run_id
        assert run.info.status == STATUS[record.state]
        assert run.data.tags["state"] == record.state
        assert run.data.tags["reason"] == (record.reason or "")
        assert {"commit", "host"} <= run.data.tags.keys()


def test_a_run_has_the_layout_the_counts_and_the_settings(
    records: list[TrialRecord], runs: dict[str, Run]
):
    for record in records:
        params = runs[str(record.mlflow_run_id)].data.params
        assert params["canonical"] == record.canonical
        assert params["decoder"] == str(record.decoder)
        for name in ("total", "learned", "stored", "encoder"):
            assert params[f"n_params_{name}"] == str(getattr(record.counts, name))
        assert float(params["train.lr"]) == record.config.train.lr
        assert params["model.d_model"] == "16"


def test_a_run_has_each_point_of_the_curve_once(client: MlflowClient, records: list[TrialRecord]):
    for record in records:
        for name in CURVE_METRICS:
            history = client.get_metric_history(str(record.mlflow_run_id), name)
            assert [m.step for m in history] == [point.updates for point in record.curve]
        for name in ("score", "loss", "train_loss", "seconds"):
            history = client.get_metric_history(str(record.mlflow_run_id), name)
            assert [m.value for m in history] == [getattr(point, name) for point in record.curve]


def test_the_last_objective_of_a_run_is_the_trials(
    records: list[TrialRecord], runs: dict[str, Run]
):
    for record in records:
        metrics = runs[str(record.mlflow_run_id)].data.metrics
        assert metrics.get("objective") == record.objective
        assert metrics.get("objective_final") == record.objective
        assert metrics.get("score_best") == record.best_score


def test_a_run_holds_the_curve_as_a_table_and_a_picture(
    client: MlflowClient, records: list[TrialRecord], tmp_path: Path
):
    for record in records:
        run_id = str(record.mlflow_run_id)
        artifacts = {item.path for item in client.list_artifacts(run_id)}
        assert artifacts == {"layout.txt", "config.json", "curve.csv", "curve.png"}
        with Path(client.download_artifacts(run_id, "curve.csv", str(tmp_path))).open() as file:
            rows = list(csv.DictReader(file))
        assert [float(row["score"]) for row in rows] == [point.score for point in record.curve]
        picture = Path(client.download_artifacts(run_id, "curve.png", str(tmp_path)))
        assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store for many studies: making one takes seconds."""
    return f"sqlite:///{tmp_path_factory.mktemp('store') / 'mlflow.db'}"


@pytest.fixture
def study(
    tiny_study: Callable[..., StudyConfig], studies_here: Path, store: str
) -> tuple[StudyConfig, StudyFolder]:
    """A study's settings and its folder, in which nothing has run."""
    config = tiny_study(name=studies_here.name, tracking={"uri": store})
    (studies_here / "study.toml").touch()
    return config, make_study_folder(config, studies_here / "study.toml", studies_here)


def end(tracking: Tracking, status: str = "FINISHED") -> None:
    assert tracking.close(status, metrics={}, tags={})


def test_a_run_whose_parameters_a_store_refused_at_first_has_them_later(
    study: tuple[StudyConfig, StudyFolder],
    store: str,
    make_record: Make,
    monkeypatch: pytest.MonkeyPatch,
):
    config, folder = study
    monkeypatch.setattr("search.tracking.tracking.RETRY_S", 0.1)
    ledger, record = Ledger.open(folder.trials), make_record(0)
    ledger.put(record)
    tracking = Tracking.start(config, folder, ledger)
    log_batch, refused = MlflowClient.log_batch, []

    def refuse_once(client: MlflowClient, run_id: str, **content: Any) -> None:
        if not refused:
            refused.append(run_id)
            raise mlflow.exceptions.MlflowException("away")
        log_batch(client, run_id, **content)

    monkeypatch.setattr(MlflowClient, "log_batch", refuse_once)
    tracking.note(record)
    end(tracking)
    (run,) = children(MlflowClient(store), config.name)
    assert refused == [run.info.run_id]
    assert run.data.params["canonical"] == record.canonical


def test_nothing_is_sent_and_no_thread_runs_before_the_start(
    study: tuple[StudyConfig, StudyFolder], store: str, make_record: Make
):
    config, folder = study
    ledger = Ledger.open(folder.trials)
    study_run = StudyRun.open(MlflowClient(store), config, folder)
    n_threads = threading.active_count()
    tracking = Tracking(store, study_run, TrialRuns(study_run, ledger))
    ledger.put(make_record(0))
    tracking.note(ledger[0])
    assert threading.active_count() == n_threads
    assert children(MlflowClient(store), config.name) == []


def test_a_later_driver_sends_only_the_missing_points(
    study: tuple[StudyConfig, StudyFolder], store: str, make_record: Make
):
    config, folder = study
    client, ledger = MlflowClient(store), Ledger.open(folder.trials)
    whole = make_record(0)
    begun = make_record(0, state="running", curve=whole.curve[:2], aucc=None, objective=None)
    ledger.put(begun)
    first = Tracking.start(config, folder, ledger)
    first.note(begun)
    end(first, "KILLED")
    first.interrupt(ledger[0])
    assert {run.info.status for run in runs_of(client, config.name)} == {"KILLED"}

    second = Tracking.start(config, folder, Ledger.open(folder.trials))
    second.note(whole)
    second.note(whole)
    end(second)
    (run,) = children(client, config.name)
    assert (run.info.status, run.data.tags["state"]) == ("FINISHED", "completed")
    history = client.get_metric_history(run.info.run_id, "score")
    assert [(m.step, m.value) for m in history] == [(4, 2.0), (8, 6.0), (12, 7.0)]
    assert len(runs_of(client, config.name)) == 2


def test_a_trial_with_another_point_after_a_restart_gets_a_new_run(
    study: tuple[StudyConfig, StudyFolder], store: str, make_record: Make
):
    config, folder = study
    client, ledger, whole = MlflowClient(store), Ledger.open(folder.trials), make_record(0)
    other = dataclasses.replace(whole.curve[1], score=5.0)
    ledger.put(dataclasses.replace(whole, state="running", curve=(whole.curve[0], other)))
    first = Tracking.start(config, folder, ledger)
    first.note(ledger[0])
    end(first, "KILLED")
    before = ledger[0].mlflow_run_id
    second = Tracking.start(config, folder, ledger)
    second.note(ledger.update(0, curve=whole.curve, state="completed"))
    end(second)
    (run,) = children(client, config.name)
    assert run.info.run_id == ledger[0].mlflow_run_id != before
    history = client.get_metric_history(run.info.run_id, "score")
    assert [(m.step, m.value) for m in history] == [(4, 2.0), (8, 6.0), (12, 7.0)]
    assert run.info.status == "FINISHED"


def test_a_run_that_was_deleted_is_made_again(
    study: tuple[StudyConfig, StudyFolder], store: str, make_record: Make
):
    config, folder = study
    client, ledger = MlflowClient(store), Ledger.open(folder.trials)
    ledger.put(make_record(0))
    for _ in range(2):
        tracking = Tracking.start(config, folder, ledger)
        tracking.note(ledger[0])
        end(tracking)
        (run,) = children(client, config.name)
        assert run.data.tags["state"] == "completed"
        client.delete_run(run.info.run_id)


def test_a_run_whose_id_was_never_written_down_is_found_again(
    study: tuple[StudyConfig, StudyFolder], store: str, make_record: Make
):
    config, folder = study
    ledger = Ledger.open(folder.trials)
    ledger.put(make_record(0))
    first = Tracking.start(config, folder, ledger)
    first.note(ledger[0])
    end(first)
    ledger.update(0, mlflow_run_id=None)  # as if killed between the two
    second = Tracking.start(config, folder, Ledger.open(folder.trials))
    second.note(make_record(0))
    end(second)
    assert len(children(MlflowClient(store), config.name)) == 1


def test_a_tracking_uri_without_a_store_is_the_users_mistake(
    study: tuple[StudyConfig, StudyFolder], monkeypatch: pytest.MonkeyPatch
):
    config, folder = study
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(UserError, match=r"MLflow at http://127\.0\.0\.1:9: .*start the server"):
        Tracking.start(config, folder, Ledger.open(folder.trials))
    assert mlflow.active_run() is None


def test_the_end_waits_as_long_as_the_store_takes_records(
    study: tuple[StudyConfig, StudyFolder], make_record: Make, monkeypatch: pytest.MonkeyPatch
):
    config, folder = study
    ledger = Ledger.open(folder.trials)
    monkeypatch.setattr("search.tracking.tracking.CLOSING_S", 1.0)
    tracking = Tracking.start(config, folder, ledger)
    sent: list[int] = []

    def send_slowly(record: TrialRecord) -> None:
        time.sleep(0.3)
        sent.append(record.id)

    monkeypatch.setattr(TrialRuns, "send", lambda _runs, record: send_slowly(record))
    for id_ in range(8):
        tracking.note(make_record(id_))
    end(tracking)  # after 2.4 seconds
    assert sent == list(range(8))


def test_a_failed_trial_that_is_tried_again_ends_as_the_new_attempt_did(
    study: tuple[StudyConfig, StudyFolder], store: str, make_record: Make
):
    config, folder = study
    ledger = Ledger.open(folder.trials)
    whole = make_record(0)
    ledger.put(make_record(0, state="failed", reason="Diverged: nan", curve=whole.curve[:2]))
    tracking = Tracking.start(config, folder, ledger)
    tracking.note(ledger[0])
    end(tracking)
    ledger.put(ledger[0].begun_again(optuna_number=1))
    tracking = Tracking.start(config, folder, ledger)
    for n_points in (0, 1, 3):
        state = "completed" if n_points == 3 else "running"
        tracking.note(ledger.update(0, curve=whole.curve[:n_points], state=state))
    end(tracking)
    client = MlflowClient(store)
    (run,) = children(client, config.name)
    assert (run.info.status, run.data.tags["state"]) == ("FINISHED", "completed")
    assert run.data.tags["reason"] == ""
    history = client.get_metric_history(run.info.run_id, "score")
    assert [m.step for m in history] == [4, 8, 12]


def sacrebleu_signature(*, lowercase: bool) -> str:
    """What sacreBLEU itself signs a BLEU of one reference with."""
    scorer = BLEU(lowercase=lowercase)
    scorer.corpus_score(["a b"], [["a b"]])
    return str(scorer.get_signature())


def test_a_run_tells_who_trained_what_on_which_data(real_study: RealStudy):
    folder = real_study.folder
    client = MlflowClient(f"sqlite:///{folder.mlflow_database}")
    manifest = Manifest.load(Path(folder.data()))
    experiment = find_experiment(client, folder)
    assert experiment is not None
    assert "study **mine**, 8 trials by random and" in experiment.tags["mlflow.note.content"]
    runs = study_runs(client, folder, real_study.records)
    assert len(runs.children) == 8
    for run in (*runs.parents, *runs.children):
        (data,) = run.inputs.dataset_inputs
        assert data.dataset.digest == manifest.digest[:16]
        assert run.data.tags["mlflow.user"]
        assert run.data.tags["mlflow.source.name"] == "reservoir-search"
    for record in real_study.records:
        (run,) = runs.of_trials[record.id]
        tags, params = run.data.tags, run.data.params
        assert (tags["layout"], tags["canonical"]) == (str(record.layout), record.canonical)
        assert tags["signature"] == sacrebleu_signature(lowercase=True)
        # Where the answer matters, it makes the layout.
        assert ("interleaving" in params) == (record.encoder.n_reservoirs > 0)
        if "interleaving" in params:
            at = 0 if params["interleaving"] == "bottom" else record.encoder.depth - 1
            assert record.encoder.kinds[at] == "R"


def test_a_run_tells_the_decoders_answers_too(recorded_study: Callable[..., StudyFolder]):
    decoder = {"decoder_depth": [3], "decoder_reservoirs": [1]}
    space = {"depth": [2], **decoder, "decoder_interleaving": ["top", "bottom"]}
    folder = recorded_study("mine", space=space)
    answers = {
        axes_of(record, folder.config().space)["decoder_interleaving"]: str(record.decoder)
        for record in Ledger.open(folder.trials).records
    }
    assert answers == {"top": "LLR", "bottom": "RLL"}


def test_the_pages_open_on_the_trials_best_first_with_what_is_compared(real_study: RealStudy):
    folder = real_study.folder
    client = MlflowClient(uri := f"sqlite:///{folder.mlflow_database}")
    pages = trial_pages(folder, uri, "base")
    assert all(page.endswith("&viewStateShareKey=trials") for page in (pages.table, pages.charts))
    experiment = find_experiment(client, folder)
    assert experiment is not None
    view = json.loads(experiment.tags["mlflow.sharedViewState.trials"])
    shown = client.search_runs(
        [experiment.experiment_id], view["searchFilter"], order_by=[f"{view['orderByKey']} DESC"]
    )
    known = {record.mlflow_run_id: record.objective for record in real_study.records}
    assert {run.info.run_id for run in shown} == set(known)
    objectives = [known[run.info.run_id] for run in shown]
    assert objectives == sorted(objectives, key=lambda value: value or 0, reverse=True)
    (best, *_), (chart,) = shown, view["compareRunCharts"]
    assert set(chart["selectedParams"]) < set(best.data.params)
    assert set(chart["selectedMetrics"]) < set(best.data.metrics)
    for kind, name in (column.split(".", 1) for column in view["selectedColumns"]):
        assert name.strip("`") in getattr(best.data, kind)


def test_the_pages_of_a_store_that_cannot_be_written_open_without_a_view(
    real_study: RealStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    shutil.copy(real_study.folder.mlflow_database, tmp_path / "mlflow.db")

    def refuse(self: MlflowClient, *tag: str) -> None:
        raise MlflowException("permission denied")

    monkeypatch.setattr(MlflowClient, "set_experiment_tag", refuse)
    monkeypatch.setattr("search.tracking.trial_pages.VIEW", "new")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    assert "viewStateShareKey" not in trial_pages(real_study.folder, uri, "base").table


def test_points_are_read_in_the_order_of_the_updates_however_fast_they_came(tmp_path: Path):
    # A trial that was stopped at update 8 and begun again came to update 12 sooner.
    client = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    run_id = client.create_run(client.create_experiment("mine")).info.run_id
    points = [Metric("score", n, time_ms, 4 * n) for n, time_ms in ((1, 40), (2, 90), (3, 70))]
    client.log_batch(run_id, metrics=points)
    assert sent_points(client, run_id) == [(4, 1.0), (8, 2.0), (12, 3.0)]
