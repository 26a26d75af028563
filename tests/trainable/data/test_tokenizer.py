from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainable.characters import normal
from trainable.data import bpe
from trainable.data.moses import Moses
from trainable.data.tokenizer import Tokenizer


@pytest.mark.parametrize("name", ["valid.de", "valid.en", "test.de", "test.en"])
def test_codes_of_the_standard_pipeline_give_its_tokens_byte_for_byte(
    name: str, shared_data: Callable[[str], Path]
):
    folder = shared_data("iwslt14")
    codes = (folder / "bpe10k.codes").read_text(encoding="utf-8")
    segment = bpe.segmenter(codes).segment
    lines = gzip.decompress((folder / f"{name}.gz").read_bytes()).decode().split("\n")
    segmented = "\n".join(segment(line) for line in lines).encode()
    assert segmented == gzip.decompress((folder / "bpe10k" / f"{name}.gz").read_bytes())


def test_learning_counts_words_as_subword_nmt_does_line_by_line():
    import contextlib
    import io

    from subword_nmt.learn_bpe import learn_bpe

    lines = ["der hund sieht den hund", "the dog sees the other dog", "den anderen"] * 3
    codes = io.StringIO()
    with contextlib.redirect_stderr(io.StringIO()):
        learn_bpe(io.StringIO("".join(f"{line}\n" for line in lines)), codes, 25)
    assert bpe.learn(lines, n_merges=25) == codes.getvalue()
    assert bpe.count_merges(codes.getvalue()) == 25


@pytest.mark.parametrize("line", ["", "a", "der hund", "xyzzy , der hund ."])
def test_joining_undoes_segmenting(line: str):
    codes = bpe.learn(["der hund sieht den hund"] * 3, n_merges=6)
    assert bpe.join(bpe.segmenter(codes).segment(line)) == line


def test_joining_mends_a_last_token_that_wants_to_go_on():
    assert bpe.join("der hu@@") == "der hu"


@pytest.mark.parametrize(
    ("language", "raw"),
    [
        ("de", "wir sehen's: 3,5 % & <b> „so“ nicht!"),
        ("en", "they don't say \"it's 5,300 [sic]\" | today."),
        ("de", ""),
    ],
)
def test_moses_escapes_and_unescapes(language: str, raw: str):
    moses = Moses(language)
    tokens = moses.tokenise(raw)
    assert not set('<>"|[]').intersection(tokens)
    assert moses.tokenise(moses.detokenise(tokens)) == tokens


GERMAN = Moses("de")
WORDS = st.text(st.sampled_from("aBz09.,'-`\"&ß„!?Ж ̈") | st.characters(), min_size=1, max_size=4)


@pytest.mark.parametrize("language", ["de", "en", "fr", "tr"])
def test_tokens_by_words_are_those_of_whole_sentences(language: str):
    moses = Moses(language, cased=True)

    @settings(deadline=None)
    @given(st.lists(WORDS | st.sampled_from(["Dr.", "No.", "z.B.", "5.", "it's", "dogs'"])))
    def check(words: list[str]):
        raw = " ".join(words)
        assert moses.tokenise(raw) == moses._tokens(normal(raw))

    check()


@given(st.text())
def test_tokens_of_any_text_have_one_space_between_each_two(raw: str):
    tokens = GERMAN.tokenise(raw)
    assert tokens == " ".join(tokens.split())


def test_a_tokenizer_decodes_what_it_encodes_up_to_case(grammar_folder: Path):
    for side, language in (("src", "de"), ("tgt", "en")):
        tokenizer = Tokenizer.load(grammar_folder, side)
        for line in (grammar_folder / f"test.raw.{language}").read_text().splitlines():
            assert tokenizer.decode(tokenizer.encode(line)) == line.lower()


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        ("#version: 0.1\na b\n", "it does not begin with '#version: 0.2' and a pair"),
        ("a b\n", "it does not begin with"),
        ("#version: 0.2\na b\nabc\n", "line 3 is no pair"),
    ],
)
def test_invalid_bpe_codes_are_an_error_and_do_not_end_the_program(codes, message):
    with pytest.raises(ValueError, match=message):
        bpe.segmenter(codes)
