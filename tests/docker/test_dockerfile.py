"""The Dockerfile: clean, pinned, locked, for a user that is not root."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.docker.files import DOCKER, PINNED, ROOT

DOCKERFILE = (DOCKER / "Dockerfile").read_text()
STAGES = re.findall(r"^FROM (\S+) AS (\S+)$", DOCKERFILE, re.MULTILINE)


def locked(path: Path) -> dict[str, str]:
    """Each package of a lock file with its version and hashes, without uv's remarks."""
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    entries = re.split(r"\n(?=\S)", "\n".join(lines))
    return {entry.partition("==")[0]: entry for entry in entries}


def test_hadolint_finds_nothing():
    hadolint = Path(sys.executable).with_name("hadolint")
    if not hadolint.exists():
        pytest.skip("hadolint is not installed (make setup)")
    found = subprocess.run([hadolint, DOCKER / "Dockerfile"], capture_output=True, text=True)
    assert (found.returncode, found.stdout) == (0, ""), found.stdout + found.stderr


def test_every_public_base_image_is_pinned_by_its_digest():
    own = {name for _, name in STAGES}
    bases = [base for base, _ in STAGES if base not in own]
    assert bases
    assert all(PINNED.match(base) for base in bases), bases


@pytest.mark.parametrize("target", ["cpu", "cuda"])
def test_a_target_ends_as_the_user_that_compose_and_kubernetes_name(target):
    stage = DOCKERFILE.partition(f" AS {target}\n")[2].partition("\nFROM ")[0]
    assert stage.rstrip().splitlines()[-1] == "USER 10001:10001"
    assert "useradd --uid 10001 --gid 10001" in DOCKERFILE


def test_the_base_image_is_of_the_python_that_the_lock_file_is_for():
    assert STAGES[0][0].startswith("python:3.11.")
    assert "--python-version 3.11" in (ROOT / "scripts/lock.sh").read_text()


def test_torch_is_the_one_of_pyproject():
    wanted = re.search(r'"(torch==[^"]*)"', (ROOT / "pyproject.toml").read_text())
    assert wanted is not None
    assert set(re.findall(r"\btorch==\S+", DOCKERFILE)) == {wanted[1]}


def test_the_images_packages_are_those_of_the_whole_lock_file():
    ours, whole = locked(DOCKER / "requirements.lock"), locked(ROOT / "requirements.lock")
    assert len(ours) > 100
    assert {name: entry for name, entry in ours.items() if whole.get(name) != entry} == {}


def test_no_package_for_development_reaches_the_image():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    names = {re.split(r"[\[>=]", wanted)[0] for wanted in extras["dev"]}
    assert names & locked(DOCKER / "requirements.lock").keys() == set()
    cluster = {re.split(r"[\[>=]", wanted)[0] for wanted in extras["cluster"]}
    assert cluster <= locked(DOCKER / "requirements.lock").keys()


def test_what_the_dockerfile_copies_is_let_through_and_nothing_else():
    copied = {
        source
        for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE)
        for source in line.split()[:-1]
        if not source.startswith("--")
    }
    lines = (DOCKER / "Dockerfile.dockerignore").read_text().splitlines()
    assert lines[1] == "*"
    assert {line[1:] for line in lines if line.startswith("!")} == copied
    assert all((ROOT / source).exists() for source in copied)
