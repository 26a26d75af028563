"""ROUGE: against rouge-score itself, and what counts as a word in other languages."""

from __future__ import annotations

import random
from importlib import metadata

import pytest
from rouge_score.rouge_scorer import RougeScorer

from trainable.metrics.by_language import metric_by_name
from trainable.metrics.rouge import ROUGE_L, Rouge, Rouge1, Rouge2, RougeL, rouge_l

RNG = random.Random(2)
WORDS = ["the", "dogs", "dog", "running", "ran", "runs", "house", "12", "e-mail", "Don't"]
REFERENCES = [" ".join(RNG.choices(WORDS, k=RNG.randint(1, 6))) for _ in range(40)]
OUTPUTS = [
    " ".join(word for word in reference.split() if RNG.random() < 0.7) for reference in REFERENCES
]


@pytest.mark.parametrize("metric", [Rouge1(), Rouge2(), RougeL()])
def test_the_score_is_the_mean_f1_of_rouge_score_with_its_stemmer(metric: Rouge):
    scorer = RougeScorer([metric.kind], use_stemmer=True)
    each = [
        scorer.score(reference, output)[metric.kind].fmeasure
        for output, reference in zip(OUTPUTS, REFERENCES, strict=True)
    ]
    assert metric.score(OUTPUTS, REFERENCES) == pytest.approx(100 * sum(each) / len(each))
    assert metric.score(REFERENCES[:1], REFERENCES[:1]) in (0, 100)


def test_the_signature_names_version_and_stemmer():
    version = metadata.version("rouge-score")
    assert ROUGE_L.signature == f"rougeL|F1|stemmer:Porter|tokens:a-z0-9|rouge-score:{version}"
    assert "stemmer:none" in rouge_l("de").signature


def test_stems_and_case_do_not_count_in_english():
    assert ROUGE_L.score(["Dogs RUNNING"], ["dog runs"]) == 100
    # Of three words and two the longest common subsequence has one: P = 1/2, R = 1/3, F1 = 2/5.
    assert ROUGE_L.score(["c a"], ["a b d"]) == pytest.approx(40)


@pytest.mark.parametrize(
    ("language", "output", "reference", "expected"),
    [
        ("de", "Größe", "größe", 100),
        ("de", "Grüße", "Gr", 0),  # one word, not its letters from a to z
        ("tr-TR", "ISI", "ısı", 100),
        ("hi", "हिन्दी", "हिन्दी", 100),
        ("hi", "हिन्दी", "हन्द", 0),  # vowel signs part no word
        ("zh", "天气好", "天气坏", 200 / 3),
    ],
)
def test_other_languages_have_words_of_their_letters_or_characters(
    language: str, output: str, reference: str, expected: float
):
    metric = metric_by_name("ROUGE-L", language=language, tokenizer=None, cased=False)
    assert metric.score([output], [reference]) == pytest.approx(expected)


def test_a_clear_difference_has_a_small_p_value_and_chance_a_large_one():
    better = ROUGE_L.paired_bootstrap(REFERENCES, OUTPUTS, REFERENCES)
    assert (better.score, better.p < 0.01) == (100, True)
    assert better.score_baseline == ROUGE_L.score(OUTPUTS, REFERENCES)
    # One output better and another as much worse: the whole sets' scores are equal.
    one = ["a b", "a", *REFERENCES[2:]]
    other = ["a", "a b", *REFERENCES[2:]]
    by_chance = ROUGE_L.paired_bootstrap(one, other, ["a b", "a b", *REFERENCES[2:]])
    assert by_chance.score == by_chance.score_baseline
    assert by_chance.p > 0.2
