"""Pickles put in the place of a file are never loaded, whoever reads the folder."""

from __future__ import annotations

import gzip
import pickle
from pathlib import Path

import pytest
import torch

from search.exports.translate import Translator
from search.replay.recorded_studies import open_table
from spaces.errors import UserError
from tests.security.payload import Payload, payloads
from trainable.checkpoint import BrokenCheckpoint, load_checkpoint, save_checkpoint
from trainable.config import TrialConfig
from trainable.data.blobs import read_blob
from trainable.data.iwslt14 import iwslt14
from trainable.data.lines import lines_of
from trainable.data.manifest import Manifest
from trainable.data.tatoeba import tatoeba
from trainable.data.tokenizer import Tokenizer
from trainable.ranks import Ranks
from trainable.tasks.registry import load_task
from trainable.training import Training

FORMS = ("pickle", "torch", "numpy")


def test_the_payload_works(tmp_path: Path):
    mark = tmp_path / "mark"
    pickle.loads(pickle.dumps(Payload(mark)))
    assert mark.exists()
    mark.unlink()
    (tmp_path / "file").write_bytes(payloads(mark)["torch"])
    torch.load(tmp_path / "file", weights_only=False)
    assert mark.exists()


@pytest.mark.parametrize("form", FORMS)
def test_an_export_of_pickles_runs_none_of_them(export: Path, tmp_path: Path, form: str):
    mark = tmp_path / "mark"
    payload = payloads(mark)[form]
    (export / "checkpoint.pt").write_bytes(payload)
    assert len(list(Translator(export).translate(["Der Hund schläft."], beam=1))) == 1
    for file in sorted(export.iterdir()):
        whole = file.read_bytes()
        file.write_bytes(payload)
        if file.name != "checkpoint.pt":
            with pytest.raises(UserError):
                Translator(export)
        file.write_bytes(whole)
        assert not mark.exists(), file.name


@pytest.mark.parametrize("form", FORMS)
def test_data_of_pickles_run_none_of_them(data: Path, tmp_path: Path, form: str):
    mark = tmp_path / "mark"
    manifest = Manifest.load(data)
    n_refused = 0
    for name in (*manifest.file_names(), "manifest.json"):
        whole = (data / name).read_bytes()
        (data / name).write_bytes(payloads(mark)[form])
        load_task.cache_clear()
        try:
            corpus = load_task(str(data)).corpus
            Tokenizer.load(data, "src")
            for split in ("train", "valid", "test"):
                corpus.split(split)
            for split in ("valid", "test"):
                corpus.raw(split, manifest.src), corpus.raw(split, manifest.tgt)
        except UserError:
            n_refused += 1
        (data / name).write_bytes(whole)
        assert not mark.exists(), name
    assert n_refused == len(manifest.file_names()) + 1


@pytest.mark.parametrize("name", ["table.jsonl", "table.jsonl.gz"])
def test_a_table_of_pickles_runs_none_of_them(tmp_path: Path, name: str):
    mark = tmp_path / "mark"
    for payload in payloads(mark).values():
        packed = gzip.compress(payload) if name.endswith(".gz") else payload
        (tmp_path / name).write_bytes(packed)
        with pytest.raises(UserError):
            open_table(str(tmp_path / name))
        assert not mark.exists()


def test_a_downloaded_pickle_is_read_as_the_text_or_archive_that_it_is_not(tmp_path: Path):
    mark = tmp_path / "mark"
    for payload in payloads(mark).values():
        (tmp_path / "file").write_bytes(payload)
        for read in (lambda path: lines_of(read_blob(path)), tatoeba, iwslt14):
            with pytest.raises(UserError):
                read(tmp_path / "file")
        assert not mark.exists()


def test_a_checkpoint_of_pickles_runs_none_of_them(tiny_trial: TrialConfig, tmp_path: Path):
    """Even where its checksums are made to fit."""
    import hashlib
    import json

    training = Training(tiny_trial, ranks=Ranks())
    next(training.points())
    mark = tmp_path / "mark"
    for form, payload in payloads(mark).items():
        folder = tmp_path / form
        folder.mkdir()
        save_checkpoint(training.checkpoint(), folder)
        sums = json.loads((folder / "checksums.json").read_text())
        (folder / "optimizer.pt").write_bytes(payload)
        with pytest.raises(BrokenCheckpoint):
            load_checkpoint(folder)
        sums["optimizer.pt"] = hashlib.sha256(payload).hexdigest()
        (folder / "checksums.json").write_text(json.dumps(sums))
        with pytest.raises(Exception, match=r"(?i)weights.only|invalid|unsupported|failed"):
            load_checkpoint(folder)
        assert not mark.exists()
