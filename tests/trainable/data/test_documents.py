"""Documents and summaries: read from one file or two, cut, and their lengths recorded."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from search.cli import app, exit_code
from spaces.errors import UserError
from trainable.data.blobs import Blob
from trainable.data.corpus import MAX_TOKENS
from trainable.data.documents import read_documents
from trainable.data.grammar.clause import sample_sentence
from trainable.data.grammar.english import english
from trainable.data.grammar.summaries import grammar_summaries, short_form
from trainable.data.manifest import Manifest
from trainable.tasks.registry import load_task

Write = Callable[[Path, Sequence[str]], Path]
PAIRS = [(f"the report number {n} came late today", f"report {n}") for n in range(60)]


def prepare_documents(train: Path, out: Path, *options: str) -> Manifest:
    arguments = ["data", "summarise", "--train", str(train), "--language", "en", "--out", str(out)]
    command = [*arguments, "--bpe-merges", "60", *options]
    assert exit_code(lambda: app(command, standalone_mode=False)) == 0
    return Manifest.load(out)


def test_a_tab_and_two_files_give_the_same_documents(tmp_path: Path, write: Write):
    both = write(tmp_path / "both.tsv", [*(f"{text}\t{short}" for text, short in PAIRS), ""])
    texts = write(tmp_path / "texts.gz", [text for text, _ in PAIRS])
    short = write(tmp_path / "short", [summary for _, summary in PAIRS])
    one = prepare_documents(both, tmp_path / "one")
    two = prepare_documents(texts, tmp_path / "two", "--train-summaries", str(short))
    assert one.counts == two.counts
    assert (one.task, one.sides) == ("summarisation", ("en_document", "en_summary"))
    assert one.dictionary.joined
    assert one.metric is not None
    assert one.metric.name == "ROUGE-L"
    for name in one.file_names():
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_documents_are_cut_and_the_cut_ones_told(
    tmp_path: Path, write: Write, capsys: pytest.CaptureFixture[str]
):
    long = "one two three four five six seven eight " * 30
    lines = [f"{long if n < 20 else 'short'} {n}\tsummary {n}" for n in range(60)]
    train = write(tmp_path / "train.tsv", lines)
    manifest = prepare_documents(train, tmp_path / "out", "--max-document", "200")
    losses = manifest.losses
    assert losses is not None
    assert losses.cut is not None
    assert losses.cut.tokens == 200
    assert sum(losses.cut.documents.values()) == 20
    assert losses.dropped["train"].too_long == 0  # though they have more than this many words:
    assert len(long.split()) > MAX_TOKENS
    assert "documents cut after 200 tokens: train: " in capsys.readouterr().out
    task = load_task(str(tmp_path / "out"))
    sizes = [len(tokens) - 1 for tokens in task.encoder_inputs("train")]
    assert max(sizes) == 200


def test_the_longest_summary_is_that_of_train_or_the_one_given(tmp_path: Path, write: Write):
    train = write(tmp_path / "train.tsv", [f"{text}\t{short}" for text, short in PAIRS])
    found = prepare_documents(train, tmp_path / "found").lengths
    task = load_task(str(tmp_path / "found"))
    longest = int(task.corpus.split("train").tgt_sizes.max()) - 1  # type: ignore[attr-defined]
    assert found is not None
    assert found.summary == longest
    given = prepare_documents(train, tmp_path / "given", "--max-summary", "7").lengths
    assert given is not None
    assert given.summary == 7


@pytest.mark.parametrize(
    ("texts", "summaries", "fault"),
    [
        ("a\tb\nc\n", None, "a.tsv: line 2 has 0 tabs; write a document, a tab and its summary"),
        ("a\tb\tc\n", None, "a.tsv: line 1 has 2 tabs"),
        ("a\nb\n", "c\n", "a.tsv has 2 lines and b has 1; line n of the second must be"),
        ("a\x82\tb\n", None, "a.tsv: line 1, character 2 is the control character"),
    ],
)
def test_a_line_without_its_summary_is_refused_by_its_number(
    texts: str, summaries: str | None, fault: str
):
    second = None if summaries is None else Blob(place="b", data=summaries.encode())
    with pytest.raises(UserError) as caught:
        read_documents(Blob(place="a.tsv", data=texts.encode()), second)
    assert str(caught.value).startswith(fault)


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (["--max-document", "1024"], "--max-document 1024: must be from 1 to 1,023 tokens"),
        (["--max-summary", "0"], "--max-summary 0: must be from 1 to 1,023 tokens"),
        (["--test-summaries", "x"], "--test-summaries: are of no documents; give --test too"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    tmp_path: Path,
    write: Write,
    options: list[str],
    fault: str,
    capsys: pytest.CaptureFixture[str],
):
    train = write(tmp_path / "train.tsv", [f"{text}\t{short}" for text, short in PAIRS])
    arguments = ["--train", str(train), "--language", "en", "--out", str(tmp_path / "out")]
    command = ["data", "summarise", *arguments, *options]
    assert exit_code(lambda: app(command, standalone_mode=False)) == 2
    assert fault in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_short_form_says_nothing_that_its_sentence_does_not():
    rng = random.Random(4)
    for _ in range(300):
        sentence = sample_sentence(rng)
        short = short_form(sentence)
        words = english(short).lower().rstrip(".?").split()
        told = english(sentence).lower().replace(",", "").rstrip(".?").split()
        # An adjective that is left out can change the article before it.
        assert set(words) - {"a", "an"} <= set(told)
        assert len(words) <= len(told)
        assert short_form(short) == short


def test_no_document_of_the_grammar_is_in_two_splits_and_a_seed_repeats_them():
    sizes = {"n_train": 300, "n_valid": 50, "n_test": 50}
    corpus, again = (grammar_summaries(seed=5, **sizes) for _ in range(2))
    splits = {name: set(split.raw.src) for name, split in corpus.splits.items()}
    assert len(splits["valid"]) == len(splits["test"]) == 50
    assert not splits["valid"] & splits["test"]
    assert not splits["train"] & (splits["valid"] | splits["test"])
    assert [split.raw for split in corpus.splits.values()] == [
        split.raw for split in again.splits.values()
    ]
