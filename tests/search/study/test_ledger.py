from __future__ import annotations

import dataclasses
import json
import resource
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from search.study.ledger import Ledger, read_records
from search.study.ledger_lines import read_contents
from search.study.trial_record import TrialRecord
from spaces.candidate import Candidate, present_key
from spaces.errors import UserError
from spaces.layout import Layout, parse_decoder

Make = Callable[..., TrialRecord]


def test_a_record_survives_the_file(make_record: Make, tmp_path: Path):
    record = make_record(3, reason="because", mlflow_run_id="abc")
    Ledger.open(tmp_path / "trials.jsonl").put(record)
    assert read_records(tmp_path / "trials.jsonl") == {3: record}


def test_the_last_line_of_a_trial_counts(make_record: Make, tmp_path: Path):
    ledger = Ledger.open(tmp_path / "trials.jsonl")
    ledger.put(make_record(0, state="running"))
    ledger.update(0, state="failed", reason="NaN")
    (record,) = read_records(tmp_path / "trials.jsonl").values()
    assert (record.state, record.reason) == ("failed", "NaN")


def three_trials(path: Path, make_record: Make) -> list[str]:
    """The lines of a file with trials 0, 1 and 2."""
    ledger = Ledger.open(path)
    for id_ in range(3):
        ledger.put(make_record(id_))
    return path.read_text().splitlines(keepends=True)


def test_a_last_line_cut_short_by_a_crash_is_dropped(make_record: Make, tmp_path: Path):
    path = tmp_path / "trials.jsonl"
    three_trials(path, make_record)
    path.write_text(path.read_text()[:-40])
    assert sorted(read_records(path)) == [0, 1]
    with Ledger.in_order(path) as reopened:
        reopened.put(make_record(3))
    assert sorted(read_records(path)) == [0, 1, 3]


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("byte", [b"\x00", b"\xff", b"}", b"\n"])
def test_one_bad_byte_in_a_whole_line_is_refused_with_its_line_and_nothing_is_changed(
    make_record: Make, tmp_path: Path, number: int, byte: bytes
):
    path = tmp_path / "trials.jsonl"
    lines = [line.encode() for line in three_trials(path, make_record)]
    half = len(lines[number - 1]) // 2
    lines[number - 1] = lines[number - 1][:half] + byte + lines[number - 1][half + 1 :]
    path.write_bytes(b"".join(lines))
    refused = rf"trials\.jsonl: line {number} is not a trial .*copy, or delete"
    with (
        pytest.raises(UserError, match=refused),
        Ledger.in_order(path),
    ):
        pytest.fail("a damaged file was opened for writing")
    assert path.read_bytes() == b"".join(lines)


@pytest.mark.parametrize("bit", [0, 4])
def test_a_flipped_bit_anywhere_in_a_line_is_refused_or_harmless(
    make_record: Make, tmp_path: Path, bit: int
):
    path = tmp_path / "trials.jsonl"
    lines = [line.encode() for line in three_trials(path, make_record)]
    before, line = read_records(path), lines[1]
    places = [*range(0, len(line) - 60, 7), *range(len(line) - 60, len(line) - 1)]
    n_harmless = 0
    for place in places:
        lines[1] = line[:place] + bytes([line[place] ^ (1 << bit)]) + line[place + 1 :]
        path.write_bytes(b"".join(lines))
        contents = read_contents(path)
        if contents.damaged:
            assert [damaged.number for damaged in contents.damaged] == [2], place
        else:
            assert contents.records == before, place
            n_harmless += 1
    assert n_harmless <= len("crc32")  # a byte of the checksum's own name


def test_a_line_is_json_whose_last_key_is_the_checksum_of_the_rest(
    make_record: Make, tmp_path: Path
):
    (line, *_) = three_trials(tmp_path / "trials.jsonl", make_record)
    values = json.loads(line)
    *_, last = values
    assert last == "crc32"
    checksum = values.pop("crc32")
    assert int(checksum, 16) == zlib.crc32(json.dumps(values).encode())
    assert values == json.loads(json.dumps(make_record(0).to_dict()))


def test_a_record_of_before_a_setting_has_its_default(make_record: Make, tmp_path: Path):
    """Found by the fuzzer: a record without a seed ended `show` with a traceback."""
    values = make_record(0).to_dict()
    del values["config"]["seed"]
    path = tmp_path / "trials.jsonl"
    path.write_text(json.dumps(values) + "\n")
    (read,) = read_records(path).values()
    assert read.summary()["seed"] == 1


@pytest.mark.parametrize(
    ("place", "value", "rule"),
    [
        (("config", "model", "encoder"), "LXL", r"encoder 'LXL': .* unknown layer kind 'X'"),
        (("config", "model", "decoder"), "LG", r"decoder 'LG': .* cannot attend to the encoder"),
        (("layout",), "(L", r"layout '\(L': .* a '\(' is never closed"),
        (("config", "train", "lr"), -1.0, r"config.train.lr -1.0: "),
        (("counts", "total"), 0, r"it has a clock or a count below 0"),
    ],
)
def test_a_line_that_is_no_trial_is_refused_with_its_place(
    make_record: Make, tmp_path: Path, place: tuple[str, ...], value: object, rule: str
):
    values = make_record(1).to_dict()
    *tables, name = place
    table = values
    for key in tables:
        table = table[key]
    table[name] = value
    path = tmp_path / "trials.jsonl"
    path.write_text(f"{json.dumps(make_record(0).to_dict())}\n{json.dumps(values)}\n")
    with pytest.raises(UserError, match=rf"^\S+trials.jsonl: line 2 is .*{rule}") as refused:
        read_records(path)
    assert "\n" not in str(refused.value)


def test_opening_a_ledger_leaves_its_file_as_it_is(make_record: Make, tmp_path: Path):
    path = tmp_path / "trials.jsonl"
    ledger = Ledger.open(path)
    assert not path.exists()
    for _ in range(3):
        ledger.put(make_record(0))
    path.write_bytes(path.read_bytes()[:-40])
    written = path.read_bytes()
    assert len(Ledger.open(path)) == 1
    assert path.read_bytes() == written


def test_whoever_writes_finds_and_leaves_one_line_a_trial(make_record: Make, tmp_path: Path):
    path = tmp_path / "trials.jsonl"
    ledger = Ledger.open(path)
    for _ in range(3):
        ledger.put(make_record(0))
    ledger.put(make_record(1))
    with Ledger.in_order(path) as ledger:
        assert len(path.read_text().splitlines()) == 2
        ledger.put(make_record(1))
    assert len(path.read_text().splitlines()) == 2


def test_ids_go_on_from_the_last(make_record: Make, tmp_path: Path):
    ledger = Ledger.open(tmp_path / "trials.jsonl")
    assert ledger.next_id == 0
    ledger.put(make_record(4))
    assert ledger.next_id == 5


def test_a_candidate_is_found_by_its_key_before_and_after_the_file_is_read(
    make_record: Make, tmp_path: Path
):
    path = tmp_path / "trials.jsonl"
    ledger = Ledger.open(path)
    for id_ in range(3):
        ledger.put(dataclasses.replace(make_record(id_), key=f"key {id_ % 2}"))
    ledger.update(0, state="failed")
    for known in (ledger, Ledger.open(path)):
        first = known.find("key 0")
        assert first is not None
        assert (first.id, first.state) == (0, "failed")
        assert known.find("key 2") is None
        assert len(known) == 3


def test_a_line_that_a_full_disk_cuts_short_is_taken_back(make_record: Make, tmp_path: Path):
    path = tmp_path / "trials.jsonl"
    ledger = Ledger.open(path)
    ledger.put(make_record(0))
    before, limit = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    # No file may grow beyond that: a write of more stops in the middle, as on a full disk.
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 100, limit[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            ledger.put(make_record(1))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert path.read_bytes() == before
    ledger.put(make_record(1))
    assert sorted(read_records(path)) == [0, 1]


def test_what_was_changed_in_memory_alone_is_written_once(make_record: Make, tmp_path: Path):
    path = tmp_path / "trials.jsonl"
    ledger = Ledger.open(path)
    ledger.put(make_record(0, state="running"))
    ledger.update_in_memory(0, state="completed")
    ledger.note_run(0, "abc")  # by the tracking, while the last checkpoint is being saved
    assert read_records(path)[0].state == "running"
    ledger.write_down(0)
    written = path.read_bytes()
    assert (read_records(path)[0].state, read_records(path)[0].mlflow_run_id) == (
        "completed",
        "abc",
    )
    ledger.write_down(0)
    assert path.read_bytes() == written


@pytest.mark.parametrize(
    ("place", "value", "fault"),
    [
        (("id",), "zero", "id 'zero': must be a whole number"),
        (("counts",), {"total": 1}, "counts.learned: is missing; give "),
        (("config", "train", "lr"), -1.0, "train.lr -1.0: must be a number above 0"),
        (("config", "seeed"), 1, "seeed 1: there is no such setting"),
    ],
)
def test_a_line_that_is_no_trial_is_told_in_plain_words(
    make_record: Make,
    tmp_path: Path,
    place: tuple[str, ...],
    value: object,
    fault: str,
):
    values = json.loads(json.dumps(make_record().to_dict()))
    *tables, name = place
    target = values
    for table in tables:
        target = target[table]
    target[name] = value
    path = tmp_path / "trials.jsonl"
    path.write_text(json.dumps(values) + "\n")
    with pytest.raises(UserError) as caught:
        read_records(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert fault in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("after", ["", " seed=3"])
def test_a_record_of_an_earlier_version_is_found_by_the_key_that_its_candidate_has_now(
    make_record: Make, tmp_path: Path, after: str
):
    """Which left settings that change nothing in the key, as 16 features with softmax."""
    hyper = {
        "model.attention": "softmax",
        "model.attention_features": 16,
        "model.reservoir_draw": "xavier",
        "model.reservoir_density": 0.5,
        "train.lr": 0.001,
    }
    candidate = Candidate(
        encoder=Layout.parse("LR"), decoder=parse_decoder("none"), reservoir_gain=1.0, hyper=hyper
    )
    meaning = json.loads(candidate.key)
    assert meaning["hyper"].keys() == hyper.keys() - {
        "model.attention_features",
        "model.reservoir_density",
    }
    earlier = json.dumps({**meaning, "hyper": hyper}, sort_keys=True) + after
    path = tmp_path / "trials.jsonl"
    Ledger.open(path).put(make_record(0, key=earlier))
    assert json.dumps(earlier) in path.read_text()
    with Ledger.in_order(path) as ledger:
        found = ledger.find(candidate.key + after)
        assert found is not None
        assert found.id == 0
    assert read_records(path)[0].key == candidate.key + after


@pytest.mark.parametrize("key", ["", "no key", '{"encoder": 3, "model.x"', '{"model.": 1}', "[]"])
def test_a_text_that_is_no_key_stays(key: str):
    assert present_key(key) == key
