from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray

from trainable.config import TrialConfig
from trainable.data.manifest import Manifest
from trainable.shipped_corpus import ShippedCorpus, ship_corpus, with_data_here
from trainable.tasks.registry import load_task


@pytest.fixture
def shipped(
    small_grammar: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ShippedCorpus]:
    """The small grammar as in Ray's object store, and a node without copies."""
    monkeypatch.setattr("trainable.shipped_corpus.users_folder", lambda: tmp_path)
    monkeypatch.setattr(ray, "put", lambda value: value)
    monkeypatch.setattr(ray, "get", lambda value: value)
    return ship_corpus(small_grammar)


def test_data_at_their_own_place_are_used_there(
    shipped: ShippedCorpus, tiny_trial: TrialConfig, tmp_path: Path
):
    assert with_data_here(tiny_trial, shipped) == tiny_trial
    assert with_data_here(tiny_trial, None) == tiny_trial
    assert not list(tmp_path.iterdir())


def test_a_node_without_the_data_gets_all_of_them_once(
    shipped: ShippedCorpus, tiny_trial: TrialConfig, small_grammar: Path
):
    elsewhere = tiny_trial.model_copy(update={"data": "/nowhere"})
    copy = Path(with_data_here(elsewhere, shipped).data)
    names = Manifest.load(small_grammar).file_names()
    assert {name: (copy / name).read_bytes() for name in names} == {
        name: (small_grammar / name).read_bytes() for name in names
    }
    assert len(load_task(str(copy)).corpus.split("train")) == 600
    made = copy.stat()
    assert with_data_here(elsewhere, shipped).data == str(copy)
    assert copy.stat().st_ino == made.st_ino  # not unpacked again


def test_other_data_at_the_same_place_are_not_trained_on(
    shipped: ShippedCorpus, tiny_trial: TrialConfig, small_grammar: Path, tmp_path: Path
):
    other = tmp_path / "other"
    shutil.copytree(small_grammar, other)
    manifest = Manifest.load(other)
    manifest.model_copy(update={"seed": 99}).save(other)
    local = with_data_here(tiny_trial.model_copy(update={"data": str(other)}), shipped)
    assert local.data != str(other)


def test_a_damaged_copy_is_made_anew(shipped: ShippedCorpus, tiny_trial: TrialConfig):
    elsewhere = tiny_trial.model_copy(update={"data": "/nowhere"})
    copy = Path(with_data_here(elsewhere, shipped).data)
    (copy / "bpe.codes").unlink()
    with_data_here(elsewhere, shipped)
    assert (copy / "bpe.codes").is_file()


def test_an_archive_that_would_write_elsewhere_is_refused_and_leaves_nothing(
    tiny_trial: TrialConfig, shipped: ShippedCorpus, tmp_path: Path
):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("../../escaped"))
    bad = ShippedCorpus(digest=shipped.digest, archive=packed.getvalue())
    with pytest.raises(tarfile.OutsideDestinationError):
        bad.localised(tiny_trial.model_copy(update={"data": "/nowhere"}))
    assert [path.name for path in tmp_path.rglob("*")] == ["corpora", f"{bad.digest}.lock"]
