"""An export and data made without training, for tests that put something else in them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.fuzz.inputs import make_data, make_export


@pytest.fixture(scope="session")
def whole_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("security"))


@pytest.fixture(scope="session")
def whole_export(whole_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_export(whole_data, tmp_path_factory.mktemp("security"))


@pytest.fixture
def data(whole_data: Path, tmp_path: Path) -> Path:
    """A copy, to be spoilt."""
    return Path(shutil.copytree(whole_data, tmp_path / "data"))


@pytest.fixture
def export(whole_export: Path, tmp_path: Path) -> Path:
    """A copy, to be spoilt."""
    return Path(shutil.copytree(whole_export, tmp_path / "export"))
