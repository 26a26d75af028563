"""A damaged file of a study is one line that names the file and what can be done."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from search.exports.export import export_layout
from search.replicates.lineup import Lineup
from search.replicates.test_set import test_score as score_on_the_test_set
from search.report.sections.winner import exported_scores
from search.study.errors import WorkFailed
from search.study.folder import StudyFolder
from search.study.ledger import read_records
from search.study.storage import study_storage
from spaces.errors import UserError
from tests.search.study.test_kept_weights import write_checkpoint
from trainable.checkpoint import BEST_WEIGHTS, CHECKSUMS, PROGRESS

Make = Callable[..., StudyFolder]


def damage(path: Path, rng: random.Random) -> None:
    """Flip one bit of one byte."""
    content = bytearray(path.read_bytes())
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


@pytest.mark.parametrize("name", [BEST_WEIGHTS, PROGRESS, CHECKSUMS])
def test_kept_weights_are_refused_after_any_flipped_bit(recorded_study: Make, name: str):
    folder = recorded_study("one")
    record = read_records(folder.trials)[0]
    kept = write_checkpoint(study_storage(folder), record.id, 2)
    for name_of_the_interrupted in ("weights.safetensors", "optimizer.pt"):
        (kept / name_of_the_interrupted).unlink()
    whole, rng = (kept / name).read_bytes(), random.Random(name)
    for _ in range(20):
        damage(kept / name, rng)
        if name == CHECKSUMS and _is_of_others(kept, whole):
            continue
        with pytest.raises(UserError, match=r"trial 0: its kept weights are damaged: .*--train$"):
            export_layout(folder, trial=0, out=None, train=False)
        with pytest.raises(WorkFailed, match=r"the weights of trial 0 are damaged: .*a copy$"):
            score_on_the_test_set(folder, record)
        (kept / name).write_bytes(whole)


def _is_of_others(kept: Path, whole: bytes) -> bool:
    """Restore the checksums if the damage is in that of a file that is not kept."""
    damaged = (kept / CHECKSUMS).read_bytes()
    (place,) = (at for at, byte in enumerate(whole) if damaged[at] != byte)
    parts = whole.split(b",")  # weights, best weights, optimizer, progress
    is_of_others = place < len(parts[0]) or 0 <= place - len(b",".join(parts[:2])) < len(parts[2])
    if is_of_others:
        (kept / CHECKSUMS).write_bytes(whole)
    return is_of_others


def test_empty_weights_that_an_earlier_version_left_at_a_power_cut_are_refused(
    recorded_study: Make,
):
    folder = recorded_study("one")
    kept = write_checkpoint(study_storage(folder), 0, 2)
    (kept / CHECKSUMS).unlink()
    os.truncate(kept / BEST_WEIGHTS, 0)  # as after a power cut
    with pytest.raises(UserError, match=r"trial 0: its kept weights are damaged: .*--train$"):
        export_layout(folder, trial=0, out=None, train=False)


def test_a_damaged_test_score_is_named_with_its_remedy(recorded_study: Make):
    folder = recorded_study("one")
    path = folder.path / "test/trial-0000.json"
    path.parent.mkdir()
    for content in (
        b"",
        b'{"score": 1',
        b'{"score": "x", "signature": "", "outputs": []}',
        b"\xff",
    ):
        path.write_bytes(content)
        with pytest.raises(UserError, match=rf"^{path}: is damaged \(.*\); delete it, ") as caught:
            score_on_the_test_set(folder, read_records(folder.trials)[0])
        assert "\n" not in str(caught.value)


def test_a_damaged_lineup_is_named_with_its_remedy(tmp_path: Path):
    Lineup(entrants=(), seeds=(1, 2)).save(tmp_path)
    path = tmp_path / "lineup.json"
    for content in (b"", b"\xff", b"[]", b'{"seeds": [1]}', b'{"entrants": [{}], "seeds": []}'):
        path.write_bytes(content)
        with pytest.raises(UserError, match=rf"^{path}: is damaged \(.*; restore it") as caught:
            Lineup.load(tmp_path)
        assert "\n" not in str(caught.value)


def test_damaged_scores_of_an_export_are_named_with_their_remedy(recorded_study: Make):
    folder = recorded_study("one")
    folder.export.mkdir()
    for scores, layout in ((b"{", b""), (b"{}", b'encoder = "L"'), (b"{}", b"\xff")):
        (folder.export / "scores.json").write_bytes(scores)
        (folder.export / "layout.toml").write_bytes(layout)
        with pytest.raises(UserError, match=rf"^{folder.export}: .*export again$") as caught:
            exported_scores(folder)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b'{"id": 1'])
def test_damaged_settings_are_named_with_their_remedy(recorded_study: Make, content: bytes):
    folder = recorded_study("one")
    folder.resolved.write_bytes(content)
    with pytest.raises(UserError, match=rf"^{folder.resolved}: .*restore the file from a copy$"):
        folder.config()


def test_a_flipped_bit_anywhere_in_the_settings_is_refused_or_harmless(recorded_study: Make):
    folder = recorded_study("one")
    whole = folder.resolved.read_bytes()
    right = _settings(folder)
    outcomes = []
    for place in range(0, len(whole), 7):
        changed = bytes([whole[place] ^ 1 << place % 8])
        folder.resolved.write_bytes(whole[:place] + changed + whole[place + 1 :])
        outcomes.append(_settings(folder))
    refusals = [found for found in outcomes if isinstance(found, str)]
    assert all(found.startswith(f"{folder.resolved}: ") for found in refusals)
    assert not any("\n" in found for found in refusals)
    # A bit may make another white space.
    assert all(found == right for found in outcomes if not isinstance(found, str))
    assert len(refusals) > len(outcomes) / 2


def _settings(folder: StudyFolder) -> object:
    """What a study's settings say, or the fault that is found in them."""
    try:
        return (folder.config(), folder.id(), folder.data(), folder.place())
    except UserError as error:
        return str(error)


def test_settings_may_be_changed_by_who_removes_their_checksum(recorded_study: Make):
    folder = recorded_study("one")
    changed = folder.resolved.read_text().replace(folder.data(), "/elsewhere")
    folder.resolved.write_text(changed)
    with pytest.raises(UserError, match=r"by its crc32; if by you, remove that key"):
        folder.data()
    parts = json.loads(changed)
    del parts["crc32"]
    folder.resolved.write_text(json.dumps(parts))
    assert folder.data() == "/elsewhere"
    folder.change(data="/there")
    assert json.loads(folder.resolved.read_text())["crc32"]
    assert folder.data() == "/there"
