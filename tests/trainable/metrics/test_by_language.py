from __future__ import annotations

import logging

import pytest
import sacrebleu

from spaces.errors import UserError
from trainable.characters import is_unspaced, lowered
from trainable.data.moses import Moses
from trainable.metrics import bleu
from trainable.metrics.bleu import Bleu, TokenisedBleu
from trainable.metrics.by_language import bleu_tokenizer, metric_by_name
from trainable.metrics.rouge import rouge_l


@pytest.mark.parametrize(
    ("language", "tokenizer"),
    [("zh", "zh"), ("zh_Hant", "zh"), ("ja", "ja-mecab"), ("ko", "ko-mecab"), ("de", "13a")],
)
def test_the_tokenizer_of_bleu_is_the_target_languages(language: str, tokenizer: str):
    assert bleu_tokenizer(language) == tokenizer


THREE_LETTERS = {
    "cmn": "zh", "zho_Hans": "zh", "zho_Hant": "zh", "jpn_Jpan": "ja", "kor": "ko", "tha": "th",
    "khm_Khmr": "km", "mya": "my", "lao": "lo", "bod": "bo", "dzo": "dz", "deu": "de", "fra": "fr",
    "tur": "tr", "azj_Latn": "az", "hin": "hi", "eng": "en",
}  # fmt: skip


@pytest.mark.parametrize("code", THREE_LETTERS)
def test_a_code_of_three_letters_has_the_rules_of_the_one_with_two(code: str):
    short = THREE_LETTERS[code]
    assert bleu_tokenizer(code) == bleu_tokenizer(short)
    assert is_unspaced(code) == is_unspaced(short)
    assert lowered("IT", code) == lowered("IT", short)
    tokens = "l &apos; eau &quot; 。 a &quot; , b"
    assert Moses(code).detokenise(tokens) == Moses(short).detokenise(tokens)
    assert rouge_l(code) == rouge_l(short)


def test_chinese_scored_against_itself_is_100_and_was_0():
    lines = ["我住在北京。", "他昨天买了一本书。"]
    metric = metric_by_name("BLEU", language="zh", tokenizer=None, cased=False)
    assert metric.score(lines, lines) == pytest.approx(100)
    assert "|tok:zh|" in metric.signature
    assert Bleu().score(lines, lines) == 0


def test_without_mecab_bleu_counts_characters_and_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(bleu, "find_spec", lambda _name: None)
    with caplog.at_level(logging.WARNING):
        assert bleu_tokenizer("ja") == "char"
    assert "pip install 'reservoir-search[japanese]'" in caplog.text
    with pytest.raises(UserError, match=r"ko-mecab needs MeCab.*reservoir-search\[korean\]"):
        Bleu(tokenizer="ko-mecab").score(["가"], ["가"])


def test_spbleu_without_its_model_is_one_line_that_names_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path
):
    monkeypatch.setattr(bleu, "SACREBLEU_DIR", str(tmp_path))
    metric = metric_by_name("spBLEU", language="de", tokenizer=None, cased=False)
    assert not metric.is_at_hand
    with pytest.raises(UserError, match=r"flores200 needs a model .*download http") as caught:
        metric.score(["a"], ["a"])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("cased", [False, True])
def test_chrf_is_sacrebleus(cased: bool):
    outputs, references = ["the Cat sat on a mat."], ["The cat sat on the mat."]
    metric = metric_by_name("chrF", language="en", tokenizer=None, cased=cased)
    scorer = sacrebleu.CHRF(lowercase=not cased)
    assert metric.score(outputs, references) == scorer.corpus_score(outputs, [references]).score
    assert metric.signature == str(scorer.get_signature())
    compared = metric.paired_bootstrap(references * 9, outputs * 9, references * 9)
    assert compared.score > compared.score_baseline


def test_tokenised_bleu_counts_the_tokens_that_it_is_given():
    metric = TokenisedBleu(tokenise=lambda line: line.replace(".", " ."))
    outputs, references = ["a cat sat down here."], ["a cat sat down there."]
    words = [["a cat sat down there ."]]
    expected = sacrebleu.corpus_bleu(["a cat sat down here ."], words, tokenize="none", force=True)
    assert metric.score(outputs, references) == expected.score
    assert "|tok:none|" in metric.signature
