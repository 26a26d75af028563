"""What may hold a password is refused in a study file and taken out of the environment's URI."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from search.study.config import load_study
from search.study.tracking_uri import environment_uri, redacted, tracking_faults
from spaces.errors import UserError
from tests.search.command_line import study_toml

SECRET = "hunter2-hunter2"


@pytest.mark.parametrize(
    "uri",
    [
        f"http://me:{SECRET}@server:5000",
        f"https://{SECRET}@server",
        f"postgresql://me:{SECRET}@server/mlflow",
        f"postgresql://server/mlflow?password={SECRET}",
        f"http://me:a/{SECRET}@server:5000",
        f"http://[{SECRET}",
    ],
)
@pytest.mark.parametrize("in_file", [True, False])
def test_a_study_file_with_a_password_is_refused_without_telling_it(
    uri: str, in_file: bool, tmp_path: Path
):
    path = tmp_path / "mine.toml"
    path.write_text(study_toml(tmp_path, **({"tracking": f'uri = "{uri}"'} if in_file else {})))
    with pytest.raises(UserError, match=r"tracking\.uri") as caught:
        load_study(path, [] if in_file else [f"tracking.uri={uri}"])
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("table", ["tracking", "storage"])
def test_a_secret_under_a_wrong_name_is_not_told_either(table: str, tmp_path: Path):
    path = tmp_path / "mine.toml"
    path.write_text(study_toml(tmp_path, **{table: f'password = "{SECRET}"'}))
    with pytest.raises(UserError, match=rf"{table}\.password: there is no such setting") as caught:
        load_study(path)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "uri", [None, "http://server:5000", "sqlite:////data/a@b.db", "postgresql://server/mlflow"]
)
def test_addresses_without_an_account_are_fine(uri: str | None):
    assert tracking_faults(uri) == []


@pytest.mark.parametrize(
    ("uri", "bare", "names"),
    [
        ("http://me:p%40ss@host:5000/x", "http://host:5000/x", "MLFLOW_TRACKING_{}"),
        ("postgresql+psycopg2://me:p%40ss@host/db", "postgresql+psycopg2://host/db", "PG{}"),
    ],
)
def test_an_account_in_the_environments_uri_moves_into_variables_of_its_own(
    uri: str, bare: str, names: str, monkeypatch: pytest.MonkeyPatch
):
    user, password = names.format("USER"), names.format("PASSWORD")
    user = "MLFLOW_TRACKING_USERNAME" if "MLFLOW" in user else user
    for name in (user, password):
        monkeypatch.setenv(name, "")  # so that it is put back
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert environment_uri() == os.environ["MLFLOW_TRACKING_URI"] == bare
    assert (os.environ[user], os.environ[password]) == ("me", "p@ss")
    assert environment_uri() == bare


def test_what_is_shown_of_a_uri_has_no_account():
    assert redacted(f"mysql://me:{SECRET}@host/db?password={SECRET}") == "mysql://host"
    assert redacted("sqlite:////data/a@b.db") == "sqlite:////data/a@b.db"
    assert redacted("http://host:5000") == "http://host:5000"
