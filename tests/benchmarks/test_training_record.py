"""The record of ended trainings: what a kill leaves is read, and keys are of what was trained."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from benchmarks.training_record import TrainingRecord, training_key
from tests.encoder_exports import encoder_trial, write_export


@dataclass(frozen=True, slots=True, kw_only=True)
class One:
    key: str
    area: float


def test_a_record_is_read_again_but_for_a_line_without_its_end(tmp_path: Path):
    path = tmp_path / "out" / "record.jsonl"
    record = TrainingRecord(path, One)
    ones = [One(key=name, area=number / 3) for number, name in enumerate("abc")]
    for one in ones:
        record.add(one)
    path.write_text(path.read_text() + '{"key": "d", "ar')
    again = TrainingRecord(path, One)
    assert again.known == record.known == {one.key: one for one in ones}
    again.add(One(key="d", area=1.0))
    assert list(TrainingRecord(path, One).known) == ["a", "b", "c", "d"]


def test_a_key_is_of_settings_data_and_an_exports_weights_wherever_they_are(
    kinds: Path, tmp_path: Path
):
    one, other = write_export(kinds, tmp_path / "one"), tmp_path / "other"
    shutil.copytree(one, other)
    copied = shutil.copytree(kinds, tmp_path / "kinds")

    def key(data: Path, start: Path | None, seed: int = 1) -> str:
        train = {} if start is None else {"init_from": str(start)}
        return training_key(encoder_trial(data, seed=seed, train=train))

    assert key(kinds, one) == key(copied, other)
    keys = {key(kinds, one), key(kinds, None), key(kinds, one, seed=2)}
    with (other / "model.safetensors").open("ab") as weights:
        weights.write(b"x")
    assert len(keys | {key(kinds, other)}) == 4
