"""Lines in a file are the same as in a list, and take next to no memory."""

from __future__ import annotations

import tracemalloc
from array import array
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainable.data.bpe import learn
from trainable.data.corpus import Pairs, tokenised
from trainable.data.holdout import completed
from trainable.data.pair_files import PairReader
from trainable.data.prepare import prepare
from trainable.data.stored_lines import MadeLines, StoredLines, collected, taken
from trainable.data.text import TextFiles, text

LINES = st.lists(st.text(st.characters(exclude_characters="\n"), max_size=5))


@settings(deadline=None)
@given(LINES, st.data())
def test_stored_lines_are_those_of_a_list(lines: list[str], data: st.DataObject):
    stored = collected(lines, StoredLines)
    assert list(stored) == [stored[n] for n in range(len(lines))] == lines
    assert stored == lines
    assert stored != [*lines, ""]
    assert stored[1:] == lines[1:]
    places = array("q", sorted(data.draw(st.sets(st.sampled_from(range(len(lines) or 1))))))
    if lines:
        some = taken(stored, places)
        assert list(some) == [some[n] for n in range(len(some))] == [lines[n] for n in places]
        assert list(taken(some, array("q", range(len(some))))) == list(some)
    assert MadeLines(str.upper, stored) == [line.upper() for line in lines]


def test_lines_can_be_added_between_readings_and_two_readings_do_not_meet():
    stored = StoredLines()
    stored.extend(f"{n}" * 99 for n in range(30_000))
    first, second = iter(stored), iter(stored)
    assert [next(first), next(first), next(second)] == ["0" * 99, "1" * 99, "0" * 99]
    stored.extend(["last"])
    assert stored[-1] == "last"


def test_splits_of_stored_text_are_those_of_text_in_memory():
    lines = ["", *(f"Satz {n // 2}." for n in range(99)), "wort " * 200]
    raw = Pairs(src=lines, tgt=lines[::-1])
    stored = Pairs(src=collected(raw.src, StoredLines), tgt=collected(raw.tgt, StoredLines))
    kept = completed({"train": tokenised(raw, src="de", tgt="en")}, unit="pairs")
    assert kept == completed(
        {"train": tokenised(stored, src="de", tgt="en", new_lines=StoredLines)}, unit="pairs"
    )


def test_memory_of_a_preparation_does_not_hold_the_text(tmp_path: Path):
    """Three megabytes more of text take less than half as much more."""
    words = [f"{'x' * 32}{n}" for n in range(40)]  # long ones: many bytes, few units
    line = " ".join(words)

    def peak(n_pairs: int) -> int:
        table = tmp_path / f"{n_pairs}"
        table.write_text(f"{line}\t{line}\n" * n_pairs)
        (tmp_path / "v").write_text("wort1 wort2\twort1 wort3\n")
        files = TextFiles(train=(table,), valid=tmp_path / "v", test=tmp_path / "v")
        out = tmp_path / f"out{n_pairs}"
        tracemalloc.start()
        try:
            prepare(lambda: text(files, src="de", tgt="en", scratch=tmp_path), out, n_merges=10)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(10)
    few, many = 600, 1_900  # more than one block of 256 lines, in which lines are held
    assert peak(many) - peak(few) < (many - few) * 2 * len(line) / 2


def test_merges_of_a_great_vocabulary_are_learned_on_its_most_frequent_words(
    monkeypatch: pytest.MonkeyPatch,
):
    lines = ["haus haus haus", "maus maus maus", "laus"]
    monkeypatch.setattr("trainable.data.bpe.MAX_WORDS", 2)
    assert learn(lines, n_merges=9) == learn(lines[:2], n_merges=9)


def test_a_pipe_is_read_too(tmp_path: Path):
    import os
    import threading

    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (tmp_path / "tgt").write_text("one\n")
    writer = threading.Thread(target=pipe.write_bytes, args=(b"eins\n",))
    writer.start()
    reader = PairReader(src="de", tgt="en")
    assert list(reader.pairs((pipe, tmp_path / "tgt"))) == [("eins", "one")]
    writer.join()
    assert [source.n_bytes for source in reader.sources] == [5, 4]


def test_lines_longer_than_a_reading_come_back_and_so_do_empty_ones():
    lines = ["", "ü" * 200_000, "", "", "last"]
    assert list(collected(lines, StoredLines)) == lines
