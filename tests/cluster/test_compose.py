"""docker/compose.yaml, each command of it run on this machine: one study from end to end.

No container engine is needed; ``compose/stack.py`` says what takes its place.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.compose.mlflow import MlflowServer
from tests.cluster.compose.stack import POSTGRES, ROOT, Stack, stack

COMMANDS = ("ip", "unshare", "nsenter", "setpriv")
MISSING = [name for name in COMMANDS if shutil.which(name) is None]
pytestmark = [
    pytest.mark.cluster,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(os.geteuid() != 0, reason="namespaces are made by root"),
    pytest.mark.skipif(
        bool(MISSING) or not list(POSTGRES.glob("*/bin/postgres")),
        reason="PostgreSQL or a command for namespaces is absent: scripts/install_cluster_tools.sh",
    ),
]

STUDY = """
data = "data/grammar"

[space]
depth = 2
n_reservoirs = [0, 1]
interleaving = ["bottom", "top"]
decoder_depth = 1

[model]
d_model = 16
ffn = 32
heads = 2
dropout = 0.0

[train]
lr = 5e-3
warmup_updates = 4
batch_tokens = 256

[validation]
interval_updates = 4
n_sentences = 10

[budget]
updates = 12

[search]
algorithm = "grid"
n_trials = 3
references = false

[scheduler]
name = "none"
"""


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("compose")


@pytest.fixture(scope="module")
def services(scratch: Path) -> Iterator[Stack]:
    """The whole compose file, up."""
    secrets, studies = scratch / "secrets", scratch / "my-studies"
    subprocess.run([ROOT / "docker/make_secrets.sh", secrets], check=True)
    studies.mkdir()
    (studies / "tiny.toml").write_text(STUDY)
    with stack(
        ROOT / "docker/compose.yaml",
        scratch,
        SECRETS=str(secrets),
        STUDIES=str(studies),
        WORKER_CPUS="1",
    ) as up:
        yield up


@pytest.fixture(scope="module")
def mlflow(services: Stack, scratch: Path) -> MlflowServer:
    return MlflowServer(
        address=services.containers["mlflow-1"].addresses["default"],
        password=(scratch / "secrets/mlflow_password").read_text(),
    )


@pytest.fixture(scope="module")
def study(services: Stack, scratch: Path) -> Path:
    """The folder of a study that was searched as a job: on the volume that all nodes share."""
    sizes = ["--n-train", "600", "--n-valid", "40", "--n-test", "40", "--bpe-merges", "200"]
    data = services.run("search", "data", "grammar", "--out", "data/grammar", *sizes)
    assert data.returncode == 0, data.stdout
    run = services.run("search", "run", "/studies/tiny.toml", timeout=900)
    assert run.returncode == 0, run.stdout
    assert "3 trained" in run.stdout
    return scratch / "volumes/search/studies/tiny"


def records(study: Path) -> dict[str, dict]:
    """The last record of each trial, by its run in MLflow."""
    lines = [json.loads(line) for line in (study / "trials.jsonl").read_text().splitlines()]
    return {line["mlflow_run_id"]: line for line in lines}


def test_a_study_run_as_a_job_is_in_mlflow_with_every_trial(study: Path, mlflow: MlflowServer):
    runs = {run["info"]["run_id"]: run for run in mlflow.trials("tiny")}
    recorded = records(study)
    assert len(recorded) == 3
    assert runs.keys() == recorded.keys()
    assert {run["info"]["status"] for run in runs.values()} == {"FINISHED"}


def test_every_point_of_a_trial_is_in_mlflow(study: Path, mlflow: MlflowServer):
    for run_id, record in records(study).items():
        query = f"/api/2.0/mlflow/metrics/get-history?run_id={run_id}&metric_key=score"
        _, history = mlflow.ask(query)
        points = {point["step"]: point["value"] for point in history["metrics"]}
        assert len(history["metrics"]) == 3  # 12 updates, validated every 4
        assert points == {point["updates"]: point["score"] for point in record["curve"]}


def test_an_artifact_goes_through_the_server_into_its_volume(
    study: Path, mlflow: MlflowServer, scratch: Path
):
    run_id = next(iter(records(study)))
    _, listed = mlflow.ask(f"/api/2.0/mlflow/artifacts/list?run_id={run_id}")
    assert listed["root_uri"].startswith("mlflow-artifacts:/")
    names = {file["path"] for file in listed["files"]}
    assert names
    kept = scratch / "volumes/mlflow"
    assert names <= {path.name for path in kept.rglob("*")}


def test_trials_ran_on_the_workers_and_not_on_the_head(study: Path, services: Stack):
    nodes = services.containers["ray-head-1"].execute("ray", "status")
    assert "0.0/2.0 CPU" in nodes.stdout, nodes.stdout + nodes.stderr  # two workers with one each
    assert nodes.stdout.count(" 1 node_") == 3


def test_mlflow_without_the_password_answers_401(mlflow: MlflowServer):
    path = "/api/2.0/mlflow/experiments/search?max_results=1"
    assert mlflow.ask(path)[0] == 200
    assert mlflow.ask(path, account="admin:wrong")[0] == 401
    assert mlflow.ask(path, account="somebody:password1234")[0] == 401
    assert mlflow.ask(path, Authorization="")[0] == 401


def test_mlflow_with_another_host_name_answers_403(mlflow: MlflowServer):
    path = "/api/2.0/mlflow/experiments/search?max_results=1"
    assert mlflow.ask(path, Host="rebound.example")[0] == 403
    assert mlflow.ask(path, Host="127.0.0.1:5000")[0] == 200  # as it is published


def test_mlflow_answers_a_page_of_another_origin_with_403(mlflow: MlflowServer):
    path, content = "/api/2.0/mlflow/experiments/create", {"name": "from-elsewhere"}
    assert mlflow.ask(path, content, Origin="http://elsewhere.example")[0] == 403


def test_ray_without_its_token_answers_401_and_with_another_403(services: Stack, scratch: Path):
    address = services.containers["ray-head-1"].addresses["default"]

    def status(**headers: str) -> int:
        request = urllib.request.Request(f"http://{address}:8265/api/jobs/", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status
        except urllib.error.HTTPError as refusal:
            return refusal.code

    token = (scratch / "secrets/ray_token").read_text()
    assert status() == 401
    assert status(Authorization="Bearer another") == 403
    assert status(Authorization=f"Bearer {token}") == 200


def test_a_worker_reaches_neither_postgresql_nor_mlflows_password(services: Stack):
    worker = services.containers["ray-worker-1"]
    assert worker.execute("getent", "hosts", "mlflow").returncode == 0
    assert worker.execute("getent", "hosts", "postgres").returncode != 0
    listed = worker.execute("ls", "/run/secrets").stdout.split()
    assert listed == ["ray_token"]


def test_no_secret_is_in_a_log_or_in_the_studys_records(
    study: Path, services: Stack, scratch: Path
):
    secrets = [path.read_text() for path in (scratch / "secrets").iterdir()]
    logs = [container.log.read_text() for container in services.containers.values()]
    written = [path.read_text() for path in study.glob("*.json*")]
    assert len(written) >= 2
    assert not [text for text in logs + written if any(secret in text for secret in secrets)]


def test_postgresql_refuses_a_wrong_password(services: Stack):
    mlflow = services.containers["mlflow-1"]
    where = ["-h", "postgres", "-U", "mlflow", "-d", "mlflow", "-c", "select 1"]
    refused = mlflow.execute("env", "PGPASSWORD=wrong", "psql", *where)
    assert refused.returncode != 0
    assert "password authentication failed" in refused.stderr
