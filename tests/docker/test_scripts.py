"""The shell scripts beside the Dockerfile."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docker.files import DOCKER, ROOT

SCRIPTS = [
    *sorted(DOCKER.glob("*.sh")),
    ROOT / "scripts/install_cluster_tools.sh",
    ROOT / "scripts/gpu_check.sh",
]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_finds_nothing(script: Path):
    shellcheck = Path(sys.executable).with_name("shellcheck")  # a locked package
    found = subprocess.run([shellcheck, script], capture_output=True, text=True)
    assert found.returncode == 0, found.stdout


def make_secrets(folder: Path) -> dict[str, str]:
    subprocess.run([DOCKER / "make_secrets.sh", folder], check=True, capture_output=True)
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_secrets_are_long_and_each_its_own(tmp_path: Path):
    secrets = make_secrets(tmp_path / "secrets")
    assert secrets.keys() == {
        "ray_token",
        "postgres_password",
        "mlflow_password",
        "mlflow_secret_key",
    }
    assert all(len(secret) == 64 and secret.isalnum() for secret in secrets.values())
    assert len(set(secrets.values())) == 4


def test_secrets_lie_in_a_folder_that_only_their_owner_enters(tmp_path: Path):
    make_secrets(tmp_path / "secrets")
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700


def test_secrets_that_are_there_stay(tmp_path: Path):
    folder = tmp_path / "secrets"
    first = make_secrets(folder)
    (folder / "ray_token").unlink()
    second = make_secrets(folder)
    assert second.pop("ray_token") != first.pop("ray_token")
    assert second == first


def with_secrets(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", DOCKER / "with_secrets.sh", *command],
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
    )


def test_a_command_gets_the_secrets_that_its_environment_names_as_files(tmp_path: Path):
    secret = tmp_path / "secret"
    secret.write_text("a b$c'd\n")
    done = with_secrets("printenv", "PGPASSWORD", PGPASSWORD_FILE=str(secret))
    assert done.stdout == "a b$c'd\n"
    done = with_secrets("printenv", "PGPASSWORD_FILE", PGPASSWORD_FILE=str(secret))
    assert done.stdout == ""


def test_a_secret_that_is_not_mounted_is_told_with_its_place(tmp_path: Path):
    missing = str(tmp_path / "none")
    done = with_secrets("true", PGPASSWORD_FILE=missing)
    assert done.returncode == 2
    assert "PGPASSWORD_FILE" in done.stderr
    assert missing in done.stderr


def test_the_exit_code_is_the_commands():
    assert with_secrets("sh", "-c", "exit 7").returncode == 7


def run_or_resume(place: Path, study_file: Path) -> list[str]:
    """Words of the command that the script runs in ``place``."""
    command = place / "bin/reservoir-search"
    command.parent.mkdir(exist_ok=True)
    command.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    command.chmod(0o755)
    (command.parent / "python").unlink(missing_ok=True)
    (command.parent / "python").symlink_to(sys.executable)
    done = subprocess.run(
        ["sh", DOCKER / "run_or_resume.sh", study_file, "--address", "auto"],
        cwd=place,
        env={"PATH": f"{command.parent}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("text", "name"), [("", "quickstart"), ('name = "mine"\n[space]\nname = "other"', "mine")]
)
def test_a_study_is_run_and_where_there_is_one_resumed(tmp_path: Path, text: str, name: str):
    study_file = tmp_path / "quickstart.toml"
    study_file.write_text(text)
    options = ["--address", "auto"]
    assert run_or_resume(tmp_path, study_file) == ["run", str(study_file), *options]
    (tmp_path / "studies" / name).mkdir(parents=True)
    (tmp_path / "studies" / name / "resolved.json").touch()
    assert run_or_resume(tmp_path, study_file) == ["resume", name, *options]
