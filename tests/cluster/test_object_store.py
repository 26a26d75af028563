"""A study whose checkpoints and MLflow's files are in an S3-compatible object store."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import BotoCoreError
from mlflow.tracking import MlflowClient

from tests.ports import free_port
from tests.search.command_line import environment, reservoir_search, start, study_toml
from tests.search.disturbed import on_updates, records_in, wait_for

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(3600)]

KEYS = {"AWS_ACCESS_KEY_ID": "the-key", "AWS_SECRET_ACCESS_KEY": "the-secret-of-the-store"}
# Two layouts one after the other, long enough to be disturbed.
TABLES = {
    "space": 'depth = 2\nn_reservoirs = 1\ninterleaving = ["bottom", "top"]\ndecoder_depth = 1',
    "model": "d_model = 16\nffn = 32\nheads = 2\ndropout = 0.0",
    "budget": "updates = 160",
    "search": 'algorithm = "grid"\nn_trials = 2\nn_concurrent = 1',
    "scheduler": 'name = "none"',
}


@contextmanager
def process(*command: str, log: Path, **extra: str) -> Iterator[subprocess.Popen[str]]:
    """A server for as long as the context lasts."""
    with log.open("w") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", *command],
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment(**extra),
            start_new_session=True,
        )
    try:
        yield server
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=60)


@dataclass(frozen=True)
class ObjectStore:
    port: int
    client: Any

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def text(self, bucket: str, key: str) -> bytes:
        body: bytes = self.client.get_object(Bucket=bucket, Key=key)["Body"].read()
        return body


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """moto's server on loopback, with the buckets ``checkpoints`` and ``mlflow``."""
    port = free_port()
    client = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
    )

    def answers() -> bool:
        try:
            client.list_buckets()
        except BotoCoreError:
            return False
        return True

    log = tmp_path_factory.mktemp("moto") / "log.txt"
    with process("moto.server", "-H", "127.0.0.1", "-p", str(port), log=log):
        wait_for(answers, timeout_s=900)
        for bucket in ("checkpoints", "mlflow"):
            client.create_bucket(Bucket=bucket)
        yield ObjectStore(port, client)


@pytest.fixture(scope="module")
def mlflow_server(
    store: ObjectStore, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MlflowClient]:
    """MLflow's server, the only process with access to the bucket of its files."""
    port, place = free_port(), tmp_path_factory.mktemp("mlflow")
    command = [
        *("mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{place / 'mlflow.db'}"),
        *("--serve-artifacts", "--artifacts-destination", "s3://mlflow/files"),
    ]
    extra = {
        **KEYS,
        "MLFLOW_S3_ENDPOINT_URL": f"http://{store.host}",
        "AWS_DEFAULT_REGION": "us-east-1",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    client = MlflowClient(f"http://127.0.0.1:{port}")
    with process(*command, log=place / "log.txt", **extra):
        wait_for(lambda: answers_at(port), timeout_s=900)
        yield client


def answers_at(port: int) -> bool:
    with closing(socket.socket()) as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def prepare(place: Path, data: Path, uri: str | None) -> Path:
    place.mkdir()
    storage = {} if uri is None else {"storage": f'uri = "{uri}"'}
    (place / "mine.toml").write_text(study_toml(data, **{**TABLES, **storage}))
    return place


def test_a_killed_study_goes_on_from_the_object_store_and_ends_as_an_undisturbed_one(
    tmp_path: Path, small_grammar: Path, store: ObjectStore, mlflow_server: MlflowClient
):
    undisturbed = prepare(tmp_path / "undisturbed", small_grammar, None)
    done = reservoir_search("run", "mine.toml", cwd=undisturbed, timeout=1500)
    assert done.returncode == 0, done.stderr

    uri = f"s3://checkpoints/ours?endpoint_override={store.host}&scheme=http&region=us-east-1"
    place = prepare(tmp_path / "place", small_grammar, uri)
    extra = {**KEYS, "MLFLOW_TRACKING_URI": mlflow_server.tracking_uri}
    driver = start("run", "mine.toml", cwd=place, **extra)

    def is_in_mid_trial() -> bool:
        whole = [key for key in store.keys("checkpoints", "ours/") if key.endswith("sums.json")]
        states = [record.state for record in records_in(place)]
        return states == ["completed", "running"] and any("trial-0001" in key for key in whole)

    wait_for(is_in_mid_trial, timeout_s=900)
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait(timeout=30)
    assert records_in(place)[1].state == "running"
    resumed = reservoir_search("resume", "mine", cwd=place, timeout=1500, **extra)
    assert resumed.returncode == 0, resumed.stderr

    # The same curves, as if nothing had been; the second trial didn't start again.
    assert on_updates(records_in(place)) == on_updates(records_in(undisturbed))
    keys = store.keys("checkpoints", "ours/")
    (prefix,) = {key.split("/")[1] for key in keys if key.count("/") > 1}
    assert prefix.startswith("mine-")
    left = [key.rpartition("/") for key in keys if "checkpoint_" in key and not key.endswith("/")]
    assert {name for _, _, name in left} == {"best.safetensors", "progress.json"}
    assert len({folder for folder, _, _ in left}) == 2  # two trials, both among the best
    assert not list(place.glob("studies/mine/ray/*"))

    show = reservoir_search("show", "mine", cwd=place, **extra)
    assert " in s3://checkpoints/ours/mine-" in show.stdout.splitlines()[-1]
    exported = reservoir_search("export", "mine", cwd=place, timeout=1500, **extra)
    assert exported.returncode == 0, exported.stderr
    translated = reservoir_search(
        "translate", "studies/mine/export", cwd=place, stdin="ein Hund\n", timeout=300
    )
    assert translated.returncode == 0, translated.stderr
    assert len(translated.stdout.splitlines()) == 1

    for record in records_in(place):
        run = mlflow_server.get_run(str(record.mlflow_run_id))
        assert run.info.status == "FINISHED"
        points = mlflow_server.get_metric_history(run.info.run_id, "score")
        assert [point.step for point in points] == [point.updates for point in record.curve]
        assert any(
            f"{run.info.run_id}/artifacts/curve.csv" in key
            for key in store.keys("mlflow", "files/")
        )


def test_no_secret_of_the_store_is_written_down(
    tmp_path: Path, small_grammar: Path, store: ObjectStore
):
    uri = f"s3://checkpoints/secret?endpoint_override={store.host}&scheme=http"
    place = prepare(tmp_path / "place", small_grammar, uri)
    done = reservoir_search(
        *("run", "mine.toml", "--set", "search.n_trials=1", "--set", "budget.updates=8"),
        cwd=place,
        timeout=1500,
        **KEYS,
    )
    assert done.returncode == 0, done.stderr
    secret = KEYS["AWS_SECRET_ACCESS_KEY"]
    assert secret not in done.stdout + done.stderr
    written = [path for path in place.rglob("*") if path.is_file()]
    assert len(written) > 3
    for path in written:
        assert secret.encode() not in path.read_bytes(), path
    keys = store.keys("checkpoints", "secret/")
    assert any(key.endswith("tuner.pkl") for key in keys)  # Tune pickles what it was given
    for key in keys:
        assert secret.encode() not in store.text("checkpoints", key), key


def test_the_store_may_stand_in_the_environment_and_studies_of_a_name_do_not_mix(
    tmp_path: Path, small_grammar: Path, store: ObjectStore
):
    extra = {**KEYS, "AWS_ENDPOINT_URL": f"http://{store.host}"}
    for name in ("one", "two"):
        place = prepare(tmp_path / name, small_grammar, "s3://checkpoints/shared")
        done = reservoir_search(
            *("run", "mine.toml", "--set", "search.n_trials=1", "--set", "budget.updates=8"),
            cwd=place,
            timeout=1500,
            **extra,
        )
        assert done.returncode == 0, done.stderr
    weights = [
        key for key in store.keys("checkpoints", "shared/") if key.endswith("best.safetensors")
    ]
    assert len({key.split("/")[1] for key in weights}) == 2


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("s3://no-such-bucket/ours?endpoint_override={host}&scheme=http", "bucket does not exist"),
        ("s3://checkpoints/ours?endpoint_override=127.0.0.1:9&scheme=http", "connect"),
        ("ftp://host/ours", "has the scheme ftp"),
    ],
)
def test_a_store_that_cannot_be_used_is_refused_in_a_line_and_leaves_no_study(
    tmp_path: Path, small_grammar: Path, store: ObjectStore, uri: str, reason: str
):
    place = prepare(tmp_path / "place", small_grammar, uri.format(host=store.host))
    done = reservoir_search("run", "mine.toml", cwd=place, **KEYS)
    assert done.returncode == 2
    error = done.stderr.splitlines()[-1]
    assert error.startswith("error: storage.uri 's3://" if uri.startswith("s3") else "error: ")
    assert reason in error
    assert not (place / "studies").exists()
