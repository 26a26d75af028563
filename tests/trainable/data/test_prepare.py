from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from spaces.errors import UserError
from trainable.data.corpus import ParallelText
from trainable.data.manifest import Manifest
from trainable.data.prepare import prepare
from trainable.data.tokenizer import Tokenizer


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


def test_the_folder_holds_what_its_manifest_says_and_nothing_else(grammar_folder: Path):
    manifest = Manifest.load(grammar_folder)
    assert {path.name for path in files(grammar_folder)} == {
        "manifest.json",
        *manifest.file_names(),
    }
    assert [manifest.counts[name].n_sentences for name in ("train", "valid", "test")] == [
        300,
        30,
        20,
    ]


def test_fairseq_reads_back_the_tokens_that_the_tokenizer_makes(grammar_folder: Path):
    from fairseq.data import Dictionary, data_utils

    for side, language in (("src", "de"), ("tgt", "en")):
        dictionary = Dictionary.load(str(grammar_folder / f"dict.{language}.txt"))
        prefix = grammar_folder / f"valid.de-en.{language}"
        dataset = data_utils.load_indexed_dataset(str(prefix), dictionary)
        raw = (grammar_folder / f"valid.raw.{language}").read_text().splitlines()
        tokenizer = Tokenizer.load(grammar_folder, side)
        assert [dictionary.string(dataset[n]) for n in range(len(dataset))] == [
            tokenizer.encode(line) for line in raw
        ]
        assert all(dataset[n][-1] == dictionary.eos() for n in range(len(dataset)))


def test_counts_and_rows_are_those_of_the_files(grammar_folder: Path):
    from fairseq.data import Dictionary, data_utils

    manifest = Manifest.load(grammar_folder)
    for language, rows in (("de", manifest.dictionary.src), ("en", manifest.dictionary.tgt)):
        dictionary = Dictionary.load(str(grammar_folder / f"dict.{language}.txt"))
        assert len(dictionary) == rows
        assert rows % 8 == 0
    dataset = data_utils.load_indexed_dataset(str(grammar_folder / "train.de-en.de"), None)
    assert manifest.counts["train"].n_tokens_src == sum(dataset.sizes)


def test_fairseq_preprocess_writes_the_same_dictionaries_and_binarised_files(
    grammar_folder: Path, tmp_path: Path
):
    from fairseq import options
    from fairseq.data import Dictionary, data_utils
    from fairseq_cli import preprocess

    for language in ("de", "en"):
        dictionary = Dictionary.load(str(grammar_folder / f"dict.{language}.txt"))
        prefix = str(grammar_folder / f"train.de-en.{language}")
        dataset = data_utils.load_indexed_dataset(prefix, dictionary)
        lines = [dictionary.string(dataset[n]) + "\n" for n in range(len(dataset))]
        (tmp_path / f"train.{language}").write_text("".join(lines))
    arguments = ["--source-lang", "de", "--target-lang", "en", "--dataset-impl", "mmap"]
    arguments += ["--trainpref", str(tmp_path / "train"), "--destdir", str(tmp_path / "out")]
    preprocess.main(options.get_preprocessing_parser().parse_args(arguments))
    names = [f"dict.{language}.txt" for language in ("de", "en")]
    names += [f"train.de-en.{side}.{end}" for side in ("de", "en") for end in ("bin", "idx")]
    for name in names:
        assert (tmp_path / "out" / name).read_bytes() == (grammar_folder / name).read_bytes()


def test_preparing_twice_gives_the_same_bytes(tiny_corpus: ParallelText, tmp_path: Path):
    for name in ("one", "two"):
        prepare(lambda: tiny_corpus, tmp_path / name, n_merges=20)
    for path in files(tmp_path / "one"):
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_a_joined_dictionary_is_the_same_on_both_sides(tiny_corpus: ParallelText, tmp_path: Path):
    out = tmp_path / "joined"
    manifest = prepare(lambda: tiny_corpus, out, n_merges=20, joined_dictionary=True)
    assert manifest.dictionary.src == manifest.dictionary.tgt
    assert (out / "dict.de.txt").read_bytes() == (out / "dict.en.txt").read_bytes()


def test_raw_evaluation_text_keeps_capitals_and_punctuation(
    tiny_corpus: ParallelText, tmp_path: Path
):
    prepare(lambda: tiny_corpus, tmp_path / "out", n_merges=20)
    assert (tmp_path / "out" / "test.raw.de").read_text().splitlines()[1] == "„Das“ Haus ist groß!"


def test_an_empty_folder_may_be_filled(tiny_corpus: ParallelText, tmp_path: Path):
    out = tmp_path / "out"
    out.mkdir()
    prepare(lambda: tiny_corpus, out, n_merges=20)
    assert Manifest.load(out).corpus == "tiny"


def test_a_folder_that_holds_something_is_refused_before_the_corpus_is_read(tmp_path: Path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")

    def read() -> ParallelText:
        raise AssertionError("the corpus was read")

    with pytest.raises(UserError, match="is not empty; give a new folder"):
        prepare(read, tmp_path / "out", n_merges=20)
    assert [path.name for path in files(tmp_path)] == ["out", "mine.txt"]


def test_a_file_is_no_place_to_prepare_into(tiny_corpus: ParallelText, tmp_path: Path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(UserError, match="is not a folder"):
        prepare(lambda: tiny_corpus, tmp_path / "out", n_merges=20)
    with pytest.raises(UserError, match="cannot be written"):
        prepare(lambda: tiny_corpus, tmp_path / "out" / "below", n_merges=20)


@pytest.mark.parametrize("fault", [UserError("bad text"), KeyboardInterrupt(), ValueError("bug")])
def test_nothing_is_left_when_reading_fails(fault: BaseException, tmp_path: Path):
    def read() -> ParallelText:
        raise fault

    with pytest.raises(type(fault)):
        prepare(read, tmp_path / "new" / "parents" / "out", n_merges=20)
    assert files(tmp_path) == []


@contextmanager
def files_limited_to(n_bytes: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("n_bytes", [8, 64, 128, 400])
def test_a_disk_that_takes_no_more_is_one_clear_line_and_leaves_nothing(
    tiny_corpus: ParallelText, tmp_path: Path, n_bytes: int
):
    with files_limited_to(n_bytes), pytest.raises(UserError, match="the disk is full") as caught:
        prepare(lambda: tiny_corpus, tmp_path / "out", n_merges=20)
    assert "\n" not in str(caught.value)
    assert files(tmp_path) == []


def test_text_without_a_pair_of_letters_cannot_be_learned_from(tmp_path: Path):
    from trainable.data.corpus import Pairs, from_raw

    split = from_raw(Pairs(src=["a b"], tgt=["c"]), src="de", tgt="en")
    corpus = ParallelText(
        name="x",
        src="de",
        tgt="en",
        splits={"train": split, "valid": split, "test": split},
        licence="",
    )
    with pytest.raises(UserError, match="no word of the training text has two letters"):
        prepare(lambda: corpus, tmp_path / "out", n_merges=5)
    assert files(tmp_path) == []
