"""Whole inputs that the targets change: a study, a table, an export, archives."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import zstandard
from safetensors.torch import save_file

from search.exports.layout_file import layout_toml
from search.study.config import study_from
from search.study.trial_record import TrialRecord
from spaces.counts import ParamCounts
from tests.search.replay.tables import made_table
from trainable.checkpoint import learned_weights
from trainable.config import Budget, ModelConfig, TrialConfig
from trainable.corpus import open_corpus
from trainable.curve import Point
from trainable.data.grammar.corpus import grammar
from trainable.data.prepare import prepare
from trainable.export_files import CONFIG, WEIGHTS
from trainable.models.build import build_model
from trainable.tasks.registry import load_vocabulary

STUDY: dict[str, Any] = {
    "name": "fuzzed",
    "seed": 3,
    "data": "data/grammar",
    "space": {
        "depth": [2, 3],
        "n_reservoirs": [0, 1, 2],
        "interleaving": ["bottom", "free"],
        "share_learned": ["none", "all", "pairs:attention"],
        "reservoir_gain": {"low": 0.5, "high": 2.0, "log": True},
        "decoder_depth": 1,
        "hyper": {"train.lr": [1e-3, 2e-3]},
    },
    "model": {"d_model": 16, "ffn": 32, "heads": 2},
    "train": {"warmup_updates": 4, "clip_norm": "none"},
    "budget": {"updates": 12, "seconds": 3.5},
    "search": {
        "n_trials": 6,
        "first": ["LL", "R1L1"],
        "algorithm": "random",
        "proxy": {"measure": "lyapunov", "prefer": "low", "keep": 0.5, "audit": 0.1},
    },
    "scheduler": {"name": "asha", "grace": 4},
    "tracking": {"uri": "http://127.0.0.1:5000"},
    "storage": {"uri": "s3://bucket/prefix?region=eu"},
}
STUDY_TEXT = b"""# A study.
data = "data/grammar"
seed = 3
[space]
depth = [2, 3]
n_reservoirs = [0, 1, 2]
interleaving = ["bottom", "free"]
reservoir_gain = {low = 0.5, high = 2.0, log = true}
hyper.train.lr = [1e-3, 2e-3]
[model]
d_model = 16
heads = 2
[budget]
updates = 12
[search]
first = ["LL", "R1L1"]
[tracking]
uri = "http://127.0.0.1:5000"
"""
TRIAL = TrialConfig(
    data="data/grammar",
    model=ModelConfig(encoder="R1LR1L", decoder="L", d_model=16, ffn=32, heads=2),
    budget=Budget(updates=12),
)


def table_lines() -> list[bytes]:
    """The lines of a table file."""
    from search.replay.table_file import _row
    from search.replay.trial_table import recorded_settings

    table = made_table(study_from({**STUDY, "space": {**STUDY["space"], "reservoir_gain": 1}}, ""))
    header = {
        "table": 1,
        "study": recorded_settings(table.study),
        "corpus": table.corpus,
        "made": dict(table.made),
    }
    return [json.dumps(row).encode() for row in (header, *map(_row, table.trials[:3]))]


def record() -> dict[str, Any]:
    """A line of a ``trials.jsonl``."""
    point = Point(
        updates=4, seconds=2.0, tokens=400, flops=4e6, score=3.0, loss=7.0, train_loss=8.0
    )
    return TrialRecord(
        id=0,
        layout=TRIAL.model.encoder,
        key="key",
        config=TRIAL,
        counts=ParamCounts(total=20, learned=10, stored=10, encoder=9),
        optuna_number=0,
        state="completed",
        curve=(point,),
        aucc=46.0,
        objective=23.0,
        n_epochs=0.5,
        peak_memory_bytes=2**20,
    ).to_dict()


def archives() -> dict[str, bytes]:
    """A gzip, a zip and two tar files, each with a member that is asked for."""
    text = b"Hi.\tHallo!\n" * 9
    zipped, packed, plain = io.BytesIO(), io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("deu.txt", text)
        archive.writestr("_about.txt", b"about")
    for stream, mode in ((packed, "w:gz"), (plain, "w")):
        with tarfile.open(fileobj=stream, mode=mode, format=tarfile.PAX_FORMAT) as archive:
            for name in ("de-en/" + "long" * 40, "de-en/train.de"):
                member = tarfile.TarInfo(name)
                member.size, member.pax_headers = len(text), {"comment": "ä"}
                archive.addfile(member, io.BytesIO(text))
    return {
        "a.gz": gzip.compress(text),
        "a.zip": zipped.getvalue(),
        "a.tgz": packed.getvalue(),
        "a.tar": plain.getvalue(),
    }


def pair_files() -> list[bytes]:
    """Files of sentences of each form: for both sides, then for one."""
    xml = b"""<?xml version="1.0"?>
<!DOCTYPE tmx SYSTEM "tmx14.dtd">
<tmx><body><tu><tuv xml:lang="de"><seg>Hallo<ph/>!</seg></tuv><tuv xml:lang="en"><seg>A &amp; b
</seg></tuv></tu></body></tmx>"""
    wmt = b"""<dataset><doc id="a"><src lang="de"><seg id="1">Hallo!</seg></src><ref lang="en">
<seg id="1">Hi!</seg></ref></doc></dataset>"""
    sgm = b"""<srcset setid="a">\n<seg id="1">A &amp; b</seg>\n<seg id="2">Hallo!</seg></srcset>"""
    table = b"Hallo!\tHi!\n" * 9
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("X.de-en.de", b"Hallo!\n" * 9)
        archive.writestr("X.de-en.en", b"Hi!\n" * 9)
    packed = [bz2.compress(table), lzma.compress(table), zstandard.ZstdCompressor().compress(table)]
    return [table, xml, wmt, zipped.getvalue(), *packed, sgm, b"Hallo!\nJa.\n"]


def make_data(folder: Path) -> Path:
    """A prepared corpus of a few dozen sentences."""
    out = folder / "data"
    prepare(lambda: grammar(seed=3, n_train=60, n_valid=5, n_test=5), out, n_merges=60)
    return out


def make_export(data: Path, folder: Path) -> Path:
    """An export of a model that nobody trained."""
    out = folder / "export"
    out.mkdir()
    for name in ("bpe.codes", "dict.de.txt", "dict.en.txt", "manifest.json"):
        (out / name).write_bytes((data / name).read_bytes())
    vocabulary = open_corpus(str(out))
    model = build_model(
        TRIAL.model, src_dict=vocabulary.src_dict, tgt_dict=vocabulary.tgt_dict, seed=TRIAL.seed
    )
    save_file(learned_weights(model), out / WEIGHTS, metadata={"reservoir_seed": "1"})
    (out / CONFIG).write_text(TRIAL.model_dump_json())
    return out


def layout_file(export: Path) -> bytes:
    """The ``layout.toml`` of an export."""
    return layout_toml(TRIAL.model, seed=1, task=load_vocabulary(str(export))).encode()
