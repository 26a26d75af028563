"""The wheel and the source package that ``make dist`` builds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("search", "spaces", "trainable")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wheel of the working tree, by way of its source package, as ``make dist`` builds it."""
    tree = tmp_path_factory.mktemp("tree")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    dist = tree / "dist"
    build = f"from setuptools import build_meta; build_meta.build_sdist({str(dist)!r})"
    run(tree, "-c", build)
    (source,) = dist.glob("*.tar.gz")
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(dist))
    run(tree, "-m", "pip", "wheel", "-q", *options, str(source))
    (built,) = dist.glob("*.whl")
    return built


def run(folder: Path, *command: str, **environment: str) -> str:
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@pytest.mark.slow
def test_the_wheel_holds_every_file_of_the_packages_and_no_other(wheel: Path):
    ours = {
        str(path.relative_to(ROOT))
        for name in PACKAGES
        for path in (ROOT / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as packed:
        built = {name for name in packed.namelist() if ".dist-info/" not in name}
    assert built == ours


@pytest.mark.slow
def test_an_installed_wheel_works_without_the_repository(wheel: Path, tmp_path: Path):
    site = tmp_path / "site"
    options = ("--no-deps", "--no-index", "--target", str(site))
    run(tmp_path, "-m", "pip", "install", "-q", *options, str(wheel))
    place = run(tmp_path, "-c", "import spaces; print(spaces.__file__)", PYTHONPATH=str(site))
    assert Path(place.strip()).is_relative_to(site)
    assert "R1L1R1L1" in run(tmp_path, "-m", "search", "layout", "model4", PYTHONPATH=str(site))
    written = ("-m", "search", "init", "first.toml")  # from a template, which is no Python
    assert "validate first.toml" in run(tmp_path, *written, PYTHONPATH=str(site))
