from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from search.costs.disk_usage import disk_usage
from search.study.config import StudyConfig
from search.study.folder import StudyFolder
from search.study.storage import Storage, check_storage, study_storage
from search.study.storage_uri import storage_faults
from spaces.errors import UserError
from tests.search.study.test_kept_weights import write_checkpoint
from trainable.tune_trainable import _stored_checkpoint


@pytest.mark.parametrize(
    "uri",
    [
        None,
        "/mnt/shared/checkpoints",
        "s3://bucket/prefix",
        "s3://bucket/a/b?endpoint_override=127.0.0.1:9000&scheme=http&region=eu-west-1",
        "gs://bucket",
    ],
)
def test_a_path_or_a_url_without_secrets_is_a_place_for_checkpoints(uri: str | None):
    assert storage_faults(uri) == []


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("s3://AKIA:hidden@bucket/prefix", "names a user or a key"),
        ("s3://hidden@bucket", "names a user or a key"),
        ("s3://bucket?access_key=hidden", "options access_key"),
        ("s3://bucket?scheme=http&secret_key=hidden", "options secret_key"),
        ("abfs://container@account/x?sas_token=hidden", "options sas_token"),
        ("s3://bucket/x#hidden", "'#'"),
        ("hidden/checkpoints", "absolute path"),
        ("s3:hidden", "absolute path"),
        ("ftp://host/checkpoints", "scheme ftp; it may have s3, gs"),
    ],
)
def test_a_place_with_credentials_or_of_no_form_is_refused_without_repeating_it(
    tiny_study: Callable[..., StudyConfig], uri: str, message: str
):
    with pytest.raises(UserError, match=message) as refused:
        tiny_study(storage={"uri": uri})
    assert "hidden" not in str(refused.value)


def test_the_options_of_a_url_stay_behind_the_folders():
    storage = Storage.at("s3://bucket/ours/?endpoint_override=127.0.0.1:9&scheme=http")
    trial = storage.below("session-001").below("trial-0003")
    assert trial.uri == (
        "s3://bucket/ours/session-001/trial-0003?endpoint_override=127.0.0.1:9&scheme=http"
    )
    assert trial.path == "bucket/ours/session-001/trial-0003"
    assert Storage.at(trial.uri).path == trial.path


def test_a_folder_of_any_name_is_a_place(tmp_path: Path):
    odd = tmp_path / "with space, 100% & a ?"
    odd.mkdir()
    storage = Storage.at(odd)
    checkpoint = write_checkpoint(storage, 0, 2)
    assert storage.folders() == ["session-001"]
    address = storage.below("session-001").below("trial-0000").below(checkpoint.name).uri
    assert len(_stored_checkpoint(address).curve) == 3


def test_studies_of_one_name_have_folders_of_their_own_in_a_chosen_place(
    recorded_study: Callable[..., StudyFolder], tmp_path: Path
):
    chosen = {"uri": str(tmp_path / "shared")}
    one, two = (recorded_study(name, storage=chosen) for name in ("one", "two"))
    paths = [Path(study_storage(folder).path) for folder in (one, two)]
    assert [path.parent for path in paths] == [tmp_path / "shared"] * 2
    assert paths[0].name == f"one-{one.id()}"
    assert paths[0].name.removeprefix("one") != paths[1].name.removeprefix("two")
    assert study_storage(recorded_study("three")).path == str(tmp_path / "three" / "ray")


def test_a_chosen_folder_that_does_not_exist_is_refused_and_not_made(
    tiny_study: Callable[..., StudyConfig], tmp_path: Path
):
    absent = tmp_path / "not-mounted"
    with pytest.raises(UserError, match="there is no such folder"):
        check_storage(tiny_study(storage={"uri": str(absent)}))
    assert not absent.exists()
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="there is no such folder"):
        check_storage(tiny_study(storage={"uri": str(tmp_path / "file")}))


def test_a_chosen_folder_that_takes_files_is_left_as_it_was(
    tiny_study: Callable[..., StudyConfig], tmp_path: Path
):
    check_storage(tiny_study(storage={"uri": str(tmp_path)}))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("chosen", [False, True])
def test_the_disk_that_a_study_uses_is_all_of_its_files(
    recorded_study: Callable[..., StudyFolder], tmp_path: Path, chosen: bool
):
    shared = tmp_path / "shared"
    shared.mkdir()
    folder = recorded_study("one", **({"storage": {"uri": str(shared)}} if chosen else {}))
    checkpoint = write_checkpoint(study_storage(folder), 0, 1)
    folder.mlflow_artifacts.mkdir()
    (folder.mlflow_artifacts / "curve.csv").write_bytes(b"x" * 1000)
    folder.mlflow_database.write_bytes(b"x" * 500)
    usage = disk_usage(folder)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert usage.checkpoints == sum(path.stat().st_size for path in checkpoint.iterdir())
    assert usage.mlflow == 1500
    assert usage.checkpoints + usage.mlflow + usage.rest == sum(
        path.stat().st_size for path in files
    )
    assert (f" in {shared}" in str(usage)) == chosen


def test_storage_that_is_away_hides_no_other_size(recorded_study: Callable[..., StudyFolder]):
    # Port 9 is closed: whatever asks there is refused at once.
    uri = "s3://bucket/x?endpoint_override=127.0.0.1:9&scheme=http&region=us-east-1"
    usage = disk_usage(recorded_study("one", storage={"uri": uri}))
    assert usage.checkpoints is None
    assert usage.rest > 0
    assert "checkpoints of unknown size in s3://bucket/x/one-" in str(usage)
