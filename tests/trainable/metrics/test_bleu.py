from __future__ import annotations

import pytest
import sacrebleu
from sacrebleu.metrics.bleu import BLEU as SacreBLEU  # noqa: N811

from trainable.metrics.bleu import BLEU


def test_bleu_is_sacrebleus_case_insensitive_one():
    outputs, references = ["the cat sat on the mat ."], ["The cat sat on the red mat."]
    expected = sacrebleu.corpus_bleu(outputs, [references], lowercase=True).score
    assert BLEU.score(outputs, references) == expected


def test_the_signature_is_that_of_the_metric_after_scoring():
    metric = SacreBLEU(lowercase=True)
    metric.corpus_score(["x y"], [["x y"]])
    assert BLEU.signature == str(metric.get_signature())
    assert "case:lc" in BLEU.signature


def test_the_bootstrap_tells_a_better_translation_from_a_worse_one():
    references = [f"the {noun} is {adj}" for noun in "abcdefgh" for adj in ("red", "blue")]
    same = BLEU.paired_bootstrap(references, references, references)
    assert same.score == same.score_baseline == pytest.approx(100)
    worse = ["the x was y z"] * len(references)
    compared = BLEU.paired_bootstrap(references, worse, references)
    assert compared.score > compared.score_baseline
    assert compared.p < 0.01


def test_other_outputs_for_the_same_references_are_scored_anew():
    references = ["The cat sat on the red mat.", "A dog slept."]
    for outputs in (["the cat sat on the mat .", "a dog"], ["a cat sat", "a dog slept."]):
        expected = sacrebleu.corpus_bleu(outputs, [references], lowercase=True).score
        assert BLEU.score(outputs, references) == expected
