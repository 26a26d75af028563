"""Pairs that a preparation leaves out, and evaluation sets that it refuses, are told."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from search.cli import app, exit_code
from spaces.errors import UserError
from trainable.data.corpus import MAX_TOKENS, Pairs, Split, from_raw, from_tokens
from trainable.data.evaluation_sets import n_repeated, overlap_with_train
from trainable.data.holdout import hold_out
from trainable.data.losses import Dropped, Losses, Overlap
from trainable.data.manifest import Manifest
from trainable.data.near_duplicates import near_duplicates
from trainable.data.prepare import prepare
from trainable.data.prepare_sentences import prepare_sentences
from trainable.data.sentences import Sentences, sentence_split
from trainable.data.text import find_text, text
from trainable.tasks.registry import load_task

Write = Callable[[Path, Sequence[str]], Path]


def split_of(*pairs: tuple[str, str]) -> Split:
    both = Pairs(src=[src for src, _ in pairs], tgt=[tgt for _, tgt in pairs])
    return Split(raw=both, tokens=both)


def test_each_dropped_pair_counts_at_the_first_rule_that_it_breaks():
    whole = split_of(
        ("ja", "yes"),
        ("", ""),
        ("x " * (MAX_TOKENS + 1), ""),
        ("x " * (MAX_TOKENS + 1), "x"),
        ("x x x", "x x"),
        ("x x x x", "x x"),
    )
    assert whole.cleaned(max_ratio=1.5).dropped == Dropped(empty=2, too_long=1, ratio=1)
    assert whole.cleaned().dropped == Dropped(empty=2, too_long=1)
    assert whole.without_blanks().dropped == Dropped(empty=2)


@pytest.mark.parametrize("language", ["zh", "cmn", "zho_Hans"])
def test_a_side_without_spaces_is_measured_in_characters_and_has_no_ratio(language: str):
    chinese = ["我住在北京" * 3, "好", "长" * 525, "长" * 526, "", "长, " * 400]
    english = ["I live in Beijing and I have done so for many a year.", *["good ."] * 5]
    there = from_raw(Pairs(src=english, tgt=chinese), src="en", tgt=language)
    for split in (there, there.reversed(), there.reversed().reversed()):
        cleaned = split.cleaned(max_ratio=1.5)
        assert cleaned.dropped == Dropped(empty=1, too_many_characters=2)
        assert [cleaned.line(n) for n in range(len(cleaned.raw))] == [1, 2, 3]
    assert str(cleaned.dropped) == "1 empty, 2 over 525 characters"


def test_the_tokens_of_segmented_text_are_counted_before_bpe():
    tokens = Pairs(src=["in@@ " * 100 + "y " * 75, "y " * 176], tgt=["a", "b"])
    split = from_tokens(tokens, src="de", tgt="en", segmented=True).cleaned()
    assert split.tokens.tgt == ["a"]
    assert split.dropped == Dropped(too_long=1)


def test_pairs_keep_the_numbers_of_their_lines_and_train_alone_counts_what_was_dropped():
    lines = [("" if n % 7 == 0 else f"s {n}", f"t {n}") for n in range(100)]
    splits = hold_out(split_of(*lines).cleaned(), n_valid=10, n_test=10, seed=1)
    for split in splits.values():
        found = [lines[split.line(n) - 1][0] for n in range(len(split.raw))]
        assert found == list(split.raw.src)
    assert [split.dropped.empty for split in splits.values()] == [15, 0, 0]


def test_pairs_that_repeat_earlier_ones_whole_are_counted(tmp_path: Path, write: Write):
    pairs = Pairs(src=["a", "b", "a", "a", "b"], tgt=["x", "x", "x", "y", "x"])
    assert n_repeated(pairs) == 2
    equal, new = ["der hund schläft"] * 500, [f"satz {n}" for n in range(9)]
    for name, lines in (("train", equal), ("valid", new), ("test", new)):
        for side in ("de", "en"):
            write(tmp_path / f"{name}.{side}", lines)
    found = find_text(tmp_path, src="de", tgt="en")
    losses = prepare(lambda: text(found, src="de", tgt="en"), tmp_path / "out", n_merges=9).losses
    assert losses is not None
    assert losses.repeated == 499
    earlier = Losses.model_validate(losses.model_dump(exclude={"repeated"}))
    assert earlier.repeated is None
    assert not any("repeated" in line for line in earlier.lines())


def test_overlap_counts_pairs_and_source_sentences_that_are_in_train():
    segmented = {
        "train": Pairs(src=["a b", "c", "d", "d"], tgt=["x", "y", "z", "w"]),
        "valid": Pairs(src=["a b", "c", "a", "d"], tgt=["x", "x", "x", "w"]),
        "test": Pairs(src=["e"], tgt=["x"]),
    }
    assert overlap_with_train(segmented) == {
        "valid": Overlap(pairs=2, sources=3, nearly=0),
        "test": Overlap(pairs=0, sources=0, nearly=0),
    }


LONG = "der hund und die katze sehen heute das alte haus ."  # ten words


def shares(one: str, other: str) -> float:
    """Jaccard index of the words of two sentences, by its definition."""
    a, b = set(one.split()) - {"."}, set(other.split()) - {"."}
    return len(a & b) / len(a | b)


@pytest.mark.parametrize(
    ("other", "is_near"),
    [
        (LONG, True),
        ("Der Hund und die Katze sehen heute das alte Hau@@ s !", True),  # but for marks and case
        (LONG.replace("alte", "neue"), True),  # nine of eleven
        (LONG.replace("alte haus", "neue dorf"), False),  # eight of twelve
        (LONG.replace("alte", ""), True),  # nine of ten
        ("der hund und die katze sehen heute .", False),  # seven of ten
        ("das ist etwas ganz anderes .", False),
    ],
)
def test_sentences_that_share_four_fifths_of_their_words_are_near_duplicates(
    other: str, is_near: bool
):
    assert near_duplicates([LONG], [other]) == ({0} if is_near else set())


def test_the_index_finds_each_near_duplicate_that_comparing_all_finds():
    rng = random.Random(1)
    lines = [" ".join(rng.choices("abcdefghijkl", k=rng.randint(3, 12))) for _ in range(400)]
    evaluated, train = lines[:100], lines[100:]
    expected = {n for n, line in enumerate(evaluated) if any(shares(line, t) >= 0.8 for t in train)}
    assert 10 < len(expected) < 90
    assert near_duplicates(evaluated, train) == expected


def test_numbers_and_units_of_other_tokenisers_are_seen_through():
    pairs = [
        ("am 3 . mai um 17 uhr", "am 12 . mai um 8 uhr"),
        ("▁Das ▁Haus ▁ist ▁alt .", "▁das ▁haus ▁ist ▁alt ▁!"),
        ("it &apos;s &quot; old &quot;", "it &apos;s old"),
        ("我 住 在 北京 。", "我 住 在 北京 ！"),
    ]
    for one, other in pairs:
        assert near_duplicates([one], [other]) == {0}


@pytest.fixture
def folder(tmp_path: Path, write: Write) -> Path:
    """Text with losses of each kind."""
    place = tmp_path / "text"
    train = [f"das ist satz {n}" for n in range(30)]
    write(place / "train.de", [*train, "", "das " * 200])
    write(place / "train.en", [*train, "empty", "that"])
    for name in ("valid", "test"):
        write(place / f"{name}.de", ["", "das ist satz 1", f"satz {name}"])
        write(place / f"{name}.en", ["", "das ist satz 1", f"satz {name}"])
    return place


def test_losses_are_on_the_screen_and_in_the_manifest(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    arguments = ["data", "text", "--src", "de", "--tgt", "en", "--from", str(folder)]
    arguments += ["--bpe-merges", "20", "--out", str(tmp_path / "out")]
    assert exit_code(lambda: app(arguments, standalone_mode=False)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "left out: train: 1 empty, 1 over 175 tokens; valid: 1 empty; test: 1 empty" in lines
    overlap = "whole pairs 1, sources 1, near-duplicates 0"
    assert f"in train too: valid: {overlap}; test: {overlap}" in lines
    losses = json.loads((tmp_path / "out" / "manifest.json").read_text())["losses"]
    dropped = {"empty": 1, "too_long": 1, "too_many_characters": 0, "ratio": 0}
    assert losses["dropped"]["train"] == dropped
    assert "repeated in train, and kept: 0" in lines
    assert losses["repeated"] == 0
    assert losses["overlap"]["test"] == {"pairs": 1, "sources": 1, "nearly": 0}
    assert Manifest.load(tmp_path / "out").losses is not None


def test_losses_of_sentences_with_labels_are_told_too(tmp_path: Path):
    train = [f"this is sentence {n}" for n in range(9)]
    splits = {
        "train": sentence_split([*train, ""], language="en", labels=["a", "b"] * 5).cleaned(),
        "valid": sentence_split([*train[:3], "new"], language="en", labels=["a"] * 4),
        "test": sentence_split(["other"], language="en", labels=["b"]),
    }
    corpus = Sentences(
        name="labelled", language="en", has_labels=True, splits=splits, licence="none"
    )
    losses = prepare_sentences(
        lambda: corpus, tmp_path / "out", task="classification", n_merges=9
    ).losses
    assert losses is not None
    assert losses.dropped["train"] == Dropped(empty=1)
    assert losses.overlap["valid"] == Overlap(pairs=2, sources=3, nearly=0)


@pytest.mark.parametrize("rare", ["by its length", "by the hold-out"])
def test_sentences_of_labels_that_train_lacks_are_told(
    rare: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """Train's only sentence of a label is too long, or is drawn for valid or test."""
    lines = [f"{'ab'[n % 2]} this is sentence {n}" for n in range(60)]
    if rare == "by its length":
        train = [*lines, "rare " + "long " * 200]
        (tmp_path / "test.txt").write_text("a one\nrare two\nrare three\n")
        given, expected = ["--test", str(tmp_path / "test.txt")], {"valid": 0, "test": 2}
    else:
        train = [*lines, *(f"rare{n} word {n}" for n in range(60))]
        given, expected = [], None
    (tmp_path / "train.txt").write_text("\n".join(train) + "\n")
    arguments = ["data", "classify", "--train", str(tmp_path / "train.txt"), *given]
    arguments += ["--language", "en", "--bpe-merges", "9", "--out", str(tmp_path / "out")]
    assert exit_code(lambda: app(arguments, standalone_mode=False)) == 0
    losses = Manifest.load(tmp_path / "out").losses
    assert losses is not None
    unseen = losses.unseen_labels
    assert unseen is not None
    if expected is None:
        task = load_task(str(tmp_path / "out"))
        expected = {
            name: sum(label not in task.references("train") for label in task.references(name))
            for name in ("valid", "test")
        }
        assert sum(expected.values()) > 0
    assert dict(unseen) == expected
    told = f"which no model can learn: valid: {expected['valid']}; test: {expected['test']}"
    assert capsys.readouterr().out.count(told) == 1


def test_labels_that_train_has_are_not_told(kinds: Path):
    losses = Manifest.load(kinds).losses
    assert losses is not None
    assert losses.unseen_labels == {"valid": 0, "test": 0}
    assert not any("no model can learn" in line for line in losses.lines())
    earlier = losses.model_dump(exclude={"unseen_labels"})
    assert Losses.model_validate(earlier).unseen_labels is None


def test_a_sentence_too_long_for_evaluation_is_refused_with_its_line(
    folder: Path, tmp_path: Path, write: Write
):
    for n_words, is_fine in ((1023, True), (1024, False)):
        write(folder / "test.de", ["", "das", "satz " * n_words])
        write(folder / "test.en", ["", "das", "satz"])
        out = tmp_path / f"out{n_words}"

        def prepared(place: Path = out) -> Manifest:
            files = find_text(folder, src="de", tgt="en")
            return prepare(lambda: text(files, src="de", tgt="en"), place, n_merges=20)

        if is_fine:
            assert prepared().counts["test"].n_tokens_src == n_words + 3
        else:
            with pytest.raises(UserError, match=r"test: line 3 of the de text .* 1,024 tokens"):
                prepared()
            assert not out.exists()
