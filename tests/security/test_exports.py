"""An export or data folder from someone else reads nothing outside and eats no memory."""

from __future__ import annotations

import json
import os
import resource
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from search.exports.translate import Translator
from spaces.errors import UserError
from trainable.data.manifest import Manifest
from trainable.tasks.registry import load_task


def change_json(path: Path, **changes: Any) -> None:
    """Set values by dotted name, ``__`` for the dot."""
    values = json.loads(path.read_text())
    for name, value in changes.items():
        *tables, key = name.split("__")
        place = values
        for table in tables:
            place = place[table]
        place[key] = value
    path.write_text(json.dumps(values))


def test_the_whole_export_translates(export: Path):
    assert len(list(Translator(export).translate(["Der Hund schläft."], beam=2))) == 1


def test_a_link_in_an_export_is_not_followed(export: Path, tmp_path: Path):
    for name in ("config.json", "manifest.json", "model.safetensors", "bpe.codes", "dict.de.txt"):
        elsewhere = tmp_path / f"elsewhere-{name}"
        (export / name).rename(elsewhere)
        (export / name).symlink_to(elsewhere)
        with pytest.raises(UserError, match="is a link or no plain file"):
            Translator(export)
        (export / name).unlink()
        elsewhere.rename(export / name)


def test_a_link_in_data_is_not_followed(data: Path, tmp_path: Path):
    for name in Manifest.load(data).file_names():
        elsewhere = tmp_path / f"elsewhere-{name}"
        (data / name).rename(elsewhere)
        (data / name).symlink_to(elsewhere)
        load_task.cache_clear()
        with pytest.raises(UserError, match="is a link or no plain file"):
            load_task(str(data))
        (data / name).unlink()
        elsewhere.rename(data / name)


def test_a_pipe_in_an_export_does_not_hold_us_up(export: Path):
    for name in ("manifest.json", "model.safetensors", "bpe.codes"):
        whole = (export / name).read_bytes()
        (export / name).unlink()
        os.mkfifo(export / name)
        with pytest.raises(UserError, match="is a link or no plain file"):
            Translator(export)
        (export / name).unlink()
        (export / name).write_bytes(whole)


@pytest.mark.parametrize(
    "language", ["../../etc/passwd", "/etc/passwd", "..", "de/../..", "d\0e", ""]
)
def test_a_language_that_leads_elsewhere_is_refused(export: Path, language: str):
    change_json(export / "manifest.json", src=language)
    with pytest.raises(UserError, match=r"manifest.json: src .*must be a language's code"):
        Translator(export)


def test_a_text_file_without_end_is_not_read(export: Path):
    for name in ("config.json", "manifest.json", "bpe.codes", "dict.en.txt"):
        whole = (export / name).read_bytes()
        os.truncate(export / name, 2**40)  # of holes, which take no disk
        with pytest.raises(UserError, match=r"bytes, over the limit"):
            Translator(export)
        (export / name).write_bytes(whole)


@pytest.mark.parametrize(
    "changes",
    [
        {"model__d_model": 10**9, "model__heads": 1},
        {"model__ffn": 10**12},
        {"model__encoder": "(L)*256", "model__d_model": 2**16},
        {"model__encoder": "(R)*256"},
        {"seed": 10**30},
        {"model__ffn": 10**400},
    ],
)
def test_settings_of_a_huge_model_are_refused_before_it_is_built(
    export: Path, changes: dict[str, Any]
):
    change_json(export / "config.json", **changes)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UserError):
        Translator(export)
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kib < 256 * 1024


def test_a_layout_that_is_none_is_refused_with_its_place(export: Path):
    change_json(export / "config.json", model__encoder="LXL")
    with pytest.raises(
        UserError, match=r"config.json: model.encoder 'LXL': .* kind 'X' at depth 1"
    ):
        Translator(export)


def test_reservoirs_beyond_the_memory_are_refused(export: Path):
    # Reservoirs are drawn, not stored: a small file can ask for many of them.
    change_json(export / "config.json", model__encoder="R1LR1L" + "(G)*250", model__d_model=2**14)
    with pytest.raises(UserError):
        Translator(export)


def test_weights_of_another_shape_are_not_stretched_to_fit(export: Path):
    weights = load_file(export / "model.safetensors")
    name = next(name for name, weight in weights.items() if weight.dim() == 2)
    rows, columns = weights[name].shape
    weights[name] = torch.zeros(1, columns)  # would be copied into each row
    weights["padding"] = torch.zeros((rows - 1) * columns)  # so that the size is right
    save_file(weights, export / "model.safetensors")
    with pytest.raises(UserError, match="weights of another layout"):
        Translator(export)
    del weights["padding"]
    weights[name] = torch.zeros(columns, rows)
    save_file(weights, export / "model.safetensors")
    with pytest.raises(UserError, match="weights of another layout"):
        Translator(export)


def test_tokens_beyond_the_dictionary_are_refused(data: Path):
    path = data / "train.de-en.de.bin"
    path.write_bytes(b"\xff\x7f" + path.read_bytes()[2:])
    load_task.cache_clear()
    with pytest.raises(UserError, match=r"has token 32767, and the dictionary has"):
        load_task(str(data)).corpus.split("train")
