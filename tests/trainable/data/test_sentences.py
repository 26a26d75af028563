"""Sentences in one language: with labels in three formats, held out, in folds, of the grammar."""

from __future__ import annotations

import gzip
import json
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

from search.cli import app, exit_code
from spaces.errors import UserError
from trainable.data import bpe
from trainable.data.blobs import Blob
from trainable.data.grammar.kinds import grammar_sentences
from trainable.data.labelled import Fold, labelled, read_labelled
from trainable.data.manifest import Manifest
from trainable.data.monolingual import find_monolingual, monolingual
from trainable.data.moses import Moses
from trainable.data.prepare_sentences import prepare_sentences
from trainable.data.sentences import Sentences, sentence_split
from trainable.data.split_files import SplitFiles
from trainable.tasks.encoder_task import EncoderTask
from trainable.tasks.registry import load_task

LINES = [("good", f"a fine film , number {n}") for n in range(60)] + [
    ("bad", f"a dull film , number {n}") for n in range(60)
]


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.fixture
def train(tmp_path: Path) -> Path:
    return write(tmp_path, "train.txt", "".join(f"{label} {text}\n" for label, text in LINES))


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("a.tsv", "very good\tone, two\n0\tthree\n"),
        ("a.csv", '"very good","one, two"\n0,three\n'),
        ("a.txt", "very_good one, two\n\n0 three\n"),
    ],
)
def test_a_label_and_a_sentence_a_line_are_read_by_the_files_name(place: str, text: str):
    expected = [("very_good", "one, two"), ("0", "three")]
    assert read_labelled(Blob(place=place, data=text.encode())) == expected
    packed = Blob(place=f"{place}.gz", data=gzip.compress(text.encode()))
    assert read_labelled(packed) == expected


@pytest.mark.parametrize(
    ("place", "text", "fault"),
    [
        ("a.tsv", "good\tone\nbad two\n", "a.tsv: line 2 is no label and sentence"),
        ("a.csv", "good,one,two\n", "a.csv: line 1 is no label and sentence"),
        ("a.txt", "good\n", "a.txt: line 1 is no label and sentence"),
        ("a.txt", "<pad> one\n", "a.txt: line 1: '<pad>' cannot be a label"),
    ],
)
def test_a_line_without_label_or_sentence_is_refused_with_its_place(
    place: str, text: str, fault: str
):
    with pytest.raises(UserError, match=fault):
        read_labelled(Blob(place=place, data=text.encode()))


def test_missing_splits_are_held_out_and_share_no_sentence(train: Path):
    corpus = labelled(SplitFiles(train=(train,)), language="en")
    splits = {name: set(split.raw.src) for name, split in corpus.splits.items()}
    assert [len(splits[name]) for name in ("train", "valid", "test")] == [108, 6, 6]
    assert len(set.union(*splits.values())) == 120
    for split in corpus.splits.values():
        assert all(
            (label == "good") == ("fine" in text)
            for label, text in zip(split.raw.tgt, split.raw.src, strict=True)
        )


def test_each_sentence_is_tested_in_one_fold(train: Path):
    tested = Counter(
        sentence
        for n in range(1, 5)
        for sentence in labelled(
            SplitFiles(train=(train,)), language="en", fold=Fold(number=n, n_folds=4)
        )
        .splits["test"]
        .raw.src
    )
    assert tested == Counter(text for _, text in LINES)


@pytest.mark.parametrize("text", ["0/3", "4/3", "1/1", "3", "a/b"])
def test_a_fold_is_a_number_and_a_number_of_folds(text: str):
    with pytest.raises(UserError, match=f"--fold {text}: "):
        Fold.parse(text)


def test_a_label_that_train_has_not_is_refused(train: Path, tmp_path: Path):
    test = write(tmp_path, "test.txt", "ugly a film\n")
    with pytest.raises(UserError, match="test: the label 'ugly' does not occur in train"):
        labelled(SplitFiles(train=(train,), test=test), language="en")


def test_prepared_labels_come_back_in_order(train: Path, tmp_path: Path):
    out = tmp_path / "data"
    files = SplitFiles(train=(train,))
    corpus = labelled(files, language="en")
    manifest = prepare_sentences(lambda: corpus, out, task="classification", n_merges=50)
    assert manifest.labels == ("bad", "good")
    assert manifest.subject == "en, 2 labels"
    assert load_task(str(out)).references("test") == corpus.splits["test"].raw.tgt
    for name in manifest.file_names():
        assert (out / name).is_file()


def test_a_folder_of_sentences_that_lost_its_labels_is_refused(kinds: Path, tmp_path: Path):
    values = json.loads((kinds / "manifest.json").read_text()) | {"labels": None}
    (tmp_path / "input0").mkdir()
    (tmp_path / "input0" / "dict.txt").write_bytes((kinds / "input0" / "dict.txt").read_bytes())
    (tmp_path / "manifest.json").write_text(json.dumps(values))
    with pytest.raises(UserError, match="names no labels"):
        load_task(str(tmp_path))


def test_a_link_in_place_of_a_folder_is_refused(kinds: Path, tmp_path: Path):
    (tmp_path / "manifest.json").write_bytes((kinds / "manifest.json").read_bytes())
    (tmp_path / "input0").symlink_to(kinds / "input0")
    with pytest.raises(UserError, match="input0: is a link"):
        load_task(str(tmp_path))


def test_text_in_one_language_is_found_in_a_folder(tmp_path: Path):
    write(tmp_path, "train.de", "".join(f"Satz Nummer {n}.\n" for n in range(60)))
    write(tmp_path, "test.de", "Ein Satz.\n")
    corpus = monolingual(find_monolingual(tmp_path, language="de"), language="de")
    assert corpus.splits["test"].tokens.src == ["Ein Satz ."]
    assert len(corpus.splits["valid"].raw) == 3
    with pytest.raises(UserError, match=r"holds no train\.en"):
        find_monolingual(tmp_path, language="en")


def test_kinds_of_the_grammars_sentences():
    corpus = grammar_sentences(with_kinds=True, n_train=400, n_valid=20, n_test=20)
    train = corpus.splits["train"].raw
    assert len(set(train.tgt)) == 16
    for text, kind in zip(train.src, train.tgt, strict=True):
        assert kind.startswith("question") == text.endswith("?")
    held_out = {*corpus.splits["valid"].raw.src, *corpus.splits["test"].raw.src}
    assert len(held_out) == 40
    assert held_out.isdisjoint(train.src)


def test_a_manifest_of_sentences_survives(kinds: Path):
    manifest = Manifest.load(kinds)
    assert manifest.tgt is None
    assert dict(manifest.facts())["Corpus"] == "grammar, en, 16 labels"
    with pytest.raises(UserError, match="names no target language"):
        manifest.sides  # noqa: B018


def test_sentences_in_one_language_have_the_tokenizers_of_translation(tmp_path: Path, train: Path):
    text = "".join(f"Die Häuser Nummer {n} sind groß.\n" for n in range(60))
    de = write(tmp_path, "train.de", text)
    classify = ["classify", "--train", str(train), "--language", "en", "--bpe-merges", "40"]
    one_language = ["text", "--src", "de", "--train-src", str(de), "--bpe-merges", "40"]

    def prepared(name: str, *options: str) -> Path:
        out = tmp_path / name
        command = classify if name.startswith("kinds") else one_language
        arguments = ["data", *command, *options, "--out", str(out)]
        assert exit_code(lambda: app(arguments, standalone_mode=False)) == 0
        Manifest.load(out).check_files(out)
        return out

    for name, options, kind in (
        ("kinds", ["--tokenizer", "unigram"], "SentencePiece (unigram); lower case"),
        ("text", ["--tokenizer", "bpe", "--cased"], "SentencePiece (bpe); cased"),
        ("text-cased", ["--cased"], "sacremoses, entities escaped"),
    ):
        out = prepared(name, *options)
        assert str(Manifest.load(out).tokenizer).startswith(kind)
        task = load_task(str(out))
        assert isinstance(task, EncoderTask)
        assert set(task.vocabulary_files) <= {str(p.relative_to(out)) for p in out.rglob("*")}
        raw = "Die Häuser sind groß."
        tokens = task.tokens_of(raw)
        assert task.text_of(tokens) == (raw if "--cased" in options else raw.lower())
        assert all(word in task.dictionary.indices for word in tokens.split()) == (name != "kinds")
    model = tmp_path / "text" / "sentencepiece.model"
    given = prepared("text-given", "--sentencepiece-model", str(model), "--cased")
    assert (given / "sentencepiece.model").read_bytes() == model.read_bytes()
    words = prepared("kinds-of-words", "--vocabulary", str(tmp_path / "kinds"))
    assert Manifest.load(words).tokenizer == Manifest.load(tmp_path / "kinds").tokenizer


@pytest.mark.parametrize(
    ("command", "options", "told"),
    [
        ("text", ["--src", "de", "--metric", "chrF"], "there is no --tgt, so leave --metric"),
        ("text", ["--src", "de", "--lossy"], "there is no --tgt, so leave --metric"),
        ("text", ["--src", "de", "--form", "tokenised"], "--form tokenised: is of text with --tgt"),
        (
            "classify",
            ["--language", "en", "--train", "a", "--vocabulary", "b", "--cased"],
            "--vocabulary b: decides on tokens and case",
        ),
    ],
)
def test_options_that_such_sentences_cannot_use_are_refused(
    command: str,
    options: list[str],
    told: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):
    arguments = ["data", command, *options, "--out", str(tmp_path / "out")]
    assert exit_code(lambda: app(arguments, standalone_mode=False)) == 2
    assert told in capsys.readouterr().err


def test_the_case_and_form_of_text_make_no_other_tokens_without_choices(tmp_path: Path):
    decomposed = [unicodedata.normalize("NFD", f"Schöne Häuser Nummer {n}") for n in range(30)]
    split = sentence_split(decomposed, language="de")
    assert split.raw.src[0] == "Schöne Häuser Nummer 0"
    corpus = Sentences(
        name="made-up",
        language="de",
        has_labels=False,
        splits={"train": split, "valid": split, "test": split},
        licence="none",
    )
    prepare_sentences(lambda: corpus, tmp_path / "out", task="masked_lm", n_merges=20)
    codes = bpe.learn([Moses("de").tokenise(line) for line in split.raw.src], n_merges=20)
    assert (tmp_path / "out/bpe.codes").read_text() == codes
