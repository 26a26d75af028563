"""Packages of another project with our names."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import search

ROOT = Path(search.__file__).parents[1]


@pytest.fixture(params=["spaces", "trainable"])
def foreign(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Name of a package that another project has put before ours on the path."""
    name: str = request.param
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text("import gradio_of_another_project\n")
    return name


def run(tmp_path: Path, *command: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    return subprocess.run(
        [sys.executable, *command],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_package_of_another_project_is_named_in_one_line(foreign: str, tmp_path: Path):
    ended = run(tmp_path, "-m", "search", "--version")
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1
    place = tmp_path / foreign / "__init__.py"
    assert ended.stderr.startswith(f"error: {place}: is not this project's package")


def test_the_same_is_an_import_error_in_python(foreign: str, tmp_path: Path):
    ended = run(tmp_path, "-c", "from search import Study")
    assert f"is not this project's package '{foreign}'" in ended.stderr.splitlines()[-1]


def test_a_file_written_over_ours_is_noticed(tmp_path: Path):
    for name in ("search", "spaces", "trainable"):
        (tmp_path / name).mkdir()
        shutil.copy(ROOT / name / "__init__.py", tmp_path / name)
    shutil.copy(ROOT / "search" / "__main__.py", tmp_path / "search")
    (tmp_path / "spaces" / "__init__.py").write_text("GPU = None\n")
    ended = run(tmp_path, "-m", "search", "--version")
    assert ended.stderr.startswith(f"error: {tmp_path / 'spaces'}")
