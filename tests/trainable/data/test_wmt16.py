"""WMT'16 English-German in the form in which it was published, by the guide's own command."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import sacrebleu
from sacremoses import MosesTokenizer

from search.cli import app, exit_code
from trainable.data import bpe
from trainable.data.corpus import Pairs, from_tokens
from trainable.data.hyphens import mark_in, without_marks
from trainable.data.manifest import Manifest, TokenizerInfo
from trainable.data.moses import Moses
from trainable.data.tokenizer import Tokenizer
from trainable.tasks.registry import load_task
from trainable.tasks.translation import Translation

GUIDE = Path(__file__).parents[3] / "docs/how-to/data.md"
MARK = "##AT##-##AT##"
RAW = {
    "en": ["The well-known EU-wide rule doesn't hold.", "A 10-year-old boy reads a book.", "Yes."],
    "de": ["Die E-Mail-Regel gilt & bleibt.", "Ein 10-jähriger Junge liest ein Buch.", "Ja."],
}


def published_tokens(line: str, language: str) -> str:
    """Tokens as they were published: Moses' with -a, whose @-@ is written ##AT##-##AT##."""
    tokens = MosesTokenizer(lang=language).tokenize(
        line, aggressive_dash_splits=True, return_str=True
    )
    return str(tokens).replace("@-@", MARK)


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Small files of the archive, in the current folder."""
    monkeypatch.chdir(tmp_path)
    tokens = {
        language: [published_tokens(line, language) for line in lines] * 8
        for language, lines in RAW.items()
    }
    codes = bpe.learn([*tokens["en"], *tokens["de"]], n_merges=90)
    Path("bpe.32000").write_text(codes, encoding="utf-8")
    segment = bpe.segmenter(codes).segment
    for language, lines in tokens.items():
        for name in ("train.tok.clean", "newstest2013.tok", "newstest2014.tok"):
            text = "".join(f"{segment(line)}\n" for line in lines)
            Path(f"{name}.bpe.32000.{language}").write_text(text, encoding="utf-8")
    return tmp_path


def commands() -> list[list[str]]:
    """Commands of the guide on WMT'16."""
    found = re.findall(
        r"```\n(reservoir-search data text[^`]*bpe\.32000[^`]*)```", GUIDE.read_text()
    )
    return [shlex.split(text.replace("\\\n", " "))[1:] for text in found]


def test_the_guides_command_prepares_what_was_published(published: Path):
    (command,) = commands()
    assert exit_code(lambda: app(command, standalone_mode=False)) == 0
    folder = published / "data/wmt16"
    manifest = Manifest.load(folder)
    assert manifest.tokenizer.hyphen_mark == MARK
    assert manifest.dictionary.joined
    assert (folder / "dict.en.txt").read_bytes() == (folder / "dict.de.txt").read_bytes()
    assert (folder / "bpe.codes").read_bytes() == (published / "bpe.32000").read_bytes()
    for side, language in (("src", "en"), ("tgt", "de")):
        assert (folder / f"test.raw.{language}").read_text().splitlines() == RAW[language] * 8
        units = (published / f"newstest2014.tok.bpe.32000.{language}").read_text().splitlines()
        tokenizer = Tokenizer.load(folder, side)
        # Raw text has the published tokens, and they give raw text.
        assert [tokenizer.encode(line) for line in RAW[language] * 8] == units
        assert [tokenizer.decode(line) for line in units] == RAW[language] * 8
    assert manifest.roundtrip_bleu == 100


def test_its_tokenised_bleu_is_of_the_published_tokens_with_compounds_parted(published: Path):
    (command,) = commands()
    assert exit_code(lambda: app(command, standalone_mode=False)) == 0
    task = load_task(str(published / "data/wmt16"))
    assert isinstance(task, Translation)
    (metric,) = (one for one in task.further_metrics if one.name == "tokenised BLEU")
    outputs = [RAW["de"][0], "Ein 9-jähriger Junge liest ein Buch.", "Nein."]
    theirs, ours = (
        [published_tokens(line, "de") for line in lines] for lines in (RAW["de"], outputs)
    )
    expected = sacrebleu.corpus_bleu(ours, [theirs], tokenize="none", force=True).score
    assert metric.score(outputs, RAW["de"]) == pytest.approx(expected)
    assert metric.signature.endswith("|tokens:Moses, compounds parted")


@pytest.mark.parametrize("mark", ["@-@", MARK])
@pytest.mark.parametrize("language", ["de", "tr"])
def test_marks_of_hyphens_are_told_and_undone(mark: str, language: str):
    line = f"a {mark} b {mark} c und {mark}"
    assert mark_in(["a - b", line]) == mark
    assert mark_in(["a - b"]) is None
    assert mark_in(["well-known", "E-Mail", line]) is None  # a noisy line among clean ones
    assert mark_in([line, line, "E-Mail"]) == mark
    assert without_marks(line) == f"a-b-c und {mark}"
    assert without_marks(line.lower()) == f"a-b-c und {mark.lower()}"
    # Folders of earlier versions, which name no mark, keep to what they did.
    assert MARK in Moses(language).detokenise(f"a {MARK} b")
    pairs = Pairs(src=[f"so {mark} la ."], tgt=["so - la ."])
    assert list(from_tokens(pairs, src=language, tgt="en").raw.src) == ["so-la."]


def test_the_tokenisation_in_words_says_how_compounds_are_parted():
    words = str(
        TokenizerInfo(bpe_merges=9, hyphen_mark="@-@", own_rules=("fi_document", "fi_summary"))
    )
    assert words == (
        "sacremoses, entities escaped, compounds parted by @-@; own rules for fi; lower case; "
        "9 BPE merges"
    )
