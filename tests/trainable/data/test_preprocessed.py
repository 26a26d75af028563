"""Data that fairseq-preprocess has binarised are prepared with their tokens as they are."""

from __future__ import annotations

import re
import shutil
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import pytest
from fairseq import options
from fairseq.data import Dictionary, data_utils
from fairseq_cli import preprocess

from search.cli import app, exit_code
from spaces.errors import UserError
from trainable.config import Budget, TrialConfig
from trainable.corpus import open_corpus
from trainable.data.corpus import Pairs, ParallelText
from trainable.data.manifest import SPLITS, Manifest
from trainable.data.metric import metric_of_data
from trainable.data.prepare import prepare
from trainable.data.preprocessed import is_cased, preprocessed
from trainable.data.tokenisation import Tokenisation
from trainable.data.tokenizer import Tokenizer
from trainable.ranks import Ranks
from trainable.tasks.registry import load_task
from trainable.tasks.translation import Translation
from trainable.training import Training


def data_bin(folder: Path, splits: dict[str, Pairs]) -> Path:
    """Files that fairseq-preprocess makes of the tokens of each split."""
    for name, pairs in splits.items():
        for language, lines in (("de", pairs.src), ("en", pairs.tgt)):
            (folder / f"{name}.{language}").write_text("".join(f"{line}\n" for line in lines))
    arguments = ["--source-lang", "de", "--target-lang", "en", "--destdir", str(folder / "bin")]
    for name in splits:
        arguments += [f"--{name}pref", str(folder / name)]
    preprocess.main(options.get_preprocessing_parser().parse_args(arguments))
    return folder / "bin"


def tokens_of(folder: Path, split: str, language: str) -> list[str]:
    dictionary = Dictionary.load(str(folder / f"dict.{language}.txt"))
    dataset = data_utils.load_indexed_dataset(str(folder / f"{split}.de-en.{language}"), dictionary)
    return [dictionary.string(dataset[n]) for n in range(len(dataset))]


@pytest.fixture(scope="module")
def from_grammar(grammar_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    splits = {
        name: Pairs(
            src=tokens_of(grammar_folder, name, "de"), tgt=tokens_of(grammar_folder, name, "en")
        )
        for name in SPLITS
    }
    return data_bin(tmp_path_factory.mktemp("fairseq"), splits)


def test_dictionaries_and_tokens_stay_and_a_trial_trains(
    from_grammar: Path,
    grammar_folder: Path,
    tiny_trial: TrialConfig,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):
    out = tmp_path / "out"
    codes = grammar_folder / "bpe.codes"
    arguments = ["data", "fairseq", str(from_grammar), "--bpe-codes", str(codes)]
    arguments += ["--out", str(out)]
    assert exit_code(lambda: app(arguments, standalone_mode=False)) == 0
    assert "pairs: 300 / 30 / 20" in capsys.readouterr().out
    ours, theirs = open_corpus(str(grammar_folder)), open_corpus(str(out))
    for language in ("de", "en"):
        name = f"dict.{language}.txt"
        assert (out / name).read_bytes() == (from_grammar / name).read_bytes()
    for name in SPLITS:
        expected, found = ours.split(name), theirs.split(name)
        assert len(found) == len(expected)
        for n in range(len(found)):
            assert found[n]["source"].equal(expected[n]["source"])
            assert found[n]["target"].equal(expected[n]["target"])
    manifest = Manifest.load(out)
    manifest.check_files(out)
    assert manifest.tokenizer == Manifest.load(grammar_folder).tokenizer.model_copy(
        update={"given_codes": True}
    )
    raw = (grammar_folder / "test.raw.en").read_text()
    assert (out / "test.raw.en").read_text() == raw.lower()
    trial = tiny_trial.model_copy(update={"data": str(out), "budget": Budget(updates=2)})
    (point,) = Training(trial, ranks=Ranks()).points()
    assert point.updates == 2


def test_the_sentences_are_not_held_in_memory(tmp_path: Path):
    lines = [
        " ".join([f"das ist der satz {n % 50} mit vielen wörtern ."] * 8) for n in range(9_000)
    ]
    few = Pairs(src=lines[:5], tgt=lines[:5])
    folder = data_bin(tmp_path, {"train": Pairs(src=lines, tgt=lines), "valid": few, "test": few})
    preprocessed(folder, remove_bpe=None)  # what it imports and caches is not counted
    tracemalloc.start()
    corpus = preprocessed(folder, remove_bpe=None, scratch=tmp_path)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert corpus.splits["train"].tokens.src == lines
    assert corpus.splits["train"].tokens.tgt[8_999] == lines[-1]
    # In memory are eight bytes a sentence, and what is as large for any text.
    assert held < sum(map(len, lines))


@pytest.mark.parametrize(("language", "is_measured"), [("en", True), ("zh", False)])
def test_tokenised_bleu_is_measured_where_words_are_the_units(
    language: str, is_measured: bool, from_grammar: Path, tmp_path: Path
):
    folder = tmp_path / "bin"
    shutil.copytree(from_grammar, folder)
    for path in folder.iterdir():
        path.rename(path.with_name(re.sub(r"\ben\b", language, path.name)))
    prepare(lambda: preprocessed(folder, remove_bpe=None), tmp_path / "out", n_merges=0)
    task = load_task(str(tmp_path / "out"))
    assert isinstance(task, Translation)
    names = [metric.name for metric in task.further_metrics]
    assert ("tokenised BLEU" in names) == is_measured


def splits_of(src: Sequence[str], tgt: Sequence[str]) -> dict[str, Pairs]:
    pairs = Pairs(src=list(src), tgt=list(tgt))
    return dict.fromkeys(SPLITS, pairs)


@pytest.mark.parametrize(
    ("tokens", "raw", "kind"),
    [
        ("the hou@@ se isn &apos;t old .", "the house isn't old.", "as given; lower case"),
        ("The hou@@ se is old .", "The house is old.", "as given; cased"),
        ("▁The ▁hou se ▁is ▁old .", "The house is old.", "as given (SentencePiece); cased"),
    ],
)
def test_units_become_words_for_scoring(tokens: str, raw: str, kind: str, tmp_path: Path):
    folder = data_bin(tmp_path, splits_of([tokens] * 3, [tokens] * 3))
    out = tmp_path / "out"
    manifest = prepare(
        lambda: preprocessed(folder, remove_bpe=None),
        out,
        n_merges=0,
        tokenisation=Tokenisation(cased=is_cased(folder)),
    )
    assert str(manifest.tokenizer) == kind
    assert (out / "test.raw.en").read_text().splitlines() == [raw] * 3
    tokenizer = Tokenizer.load(out, "tgt")
    assert tokenizer.decode(tokens) == raw
    assert tokenizer.encode(tokens) == tokens
    assert metric_of_data(manifest).score([tokenizer.decode(tokens)], [raw]) == pytest.approx(100)
    assert ("case:mixed" in metric_of_data(manifest).signature) == kind.endswith("cased")
    assert manifest.dictionary.joined


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("dict.en.txt", None, r"dict\.en\.txt: cannot be read as a dictionary"),
        ("valid.de-en.en.idx", None, r"valid\.de-en\.en\.idx: is missing"),
        ("train.de-en.de.idx", None, r"holds no train\.SRC-TGT\.SRC\.idx"),
        ("test.de-en.en.idx", b"MMIDIDX\x00\x00", r"test\.de-en\.en\.bin: cannot be read"),
        ("dict.en.txt", b"two words 3\n", r"dict\.en\.txt: word 'two words' holds a space"),
        ("dict.en.txt", b"the 3\n", r"train\.de-en\.en\.bin: sentence 1 has no end, or a word"),
    ],
)
def test_a_folder_that_is_not_whole_is_refused(
    from_grammar: Path, tmp_path: Path, name: str, content: bytes | None, told: str
):
    folder = Path(shutil.copytree(from_grammar, tmp_path / "bin"))
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)

    def read() -> ParallelText:
        return preprocessed(folder, remove_bpe=None)

    with pytest.raises(UserError, match=told):
        prepare(read, tmp_path / "out", n_merges=0)
    assert not (tmp_path / "out").exists()
