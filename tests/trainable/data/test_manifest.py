from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from spaces.errors import UserError
from trainable.data.manifest import Manifest


def test_a_manifest_survives_being_saved_and_loaded(grammar_folder: Path):
    manifest = Manifest.load(grammar_folder)
    assert Manifest.model_validate_json(manifest.model_dump_json()) == manifest


def test_a_folder_without_a_manifest_is_no_prepared_data(tmp_path: Path):
    with pytest.raises(UserError, match=r"holds no manifest.json.*reservoir-search data"):
        Manifest.load(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"file: holds no manifest.json, so it is no prepared data"):
        Manifest.load(tmp_path / "file")
    with pytest.raises(UserError, match=r"holds no manifest.json"):
        Manifest.load(tmp_path / "absent")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"corpus": "x"}'])
def test_a_broken_manifest_is_one_clear_line(tmp_path: Path, text: str):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(UserError, match=r"manifest.json: .*; prepare the folder again") as caught:
        Manifest.load(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_folder_that_lost_a_file_is_refused_by_name(grammar_folder: Path, tmp_path: Path):
    copy = tmp_path / "copy"
    shutil.copytree(grammar_folder, copy)
    (copy / "dict.en.txt").unlink()
    with pytest.raises(UserError, match=r"dict.en.txt is missing"):
        Manifest.load(copy).check_files(copy)
