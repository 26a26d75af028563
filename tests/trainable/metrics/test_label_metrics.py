"""Accuracy, macro-F1 and bits saved: against scikit-learn and hand-made numbers."""

from __future__ import annotations

import random

import pytest
from sklearn.metrics import accuracy_score, f1_score

from trainable.metrics.accuracy import ACCURACY, MACRO_F1
from trainable.metrics.bits_saved import BITS_SAVED

RNG = random.Random(1)
REFERENCES = [RNG.choice("abcd") for _ in range(200)]
OUTPUTS = [ref if RNG.random() < 0.7 else RNG.choice("abce") for ref in REFERENCES]


def test_accuracy_and_macro_f1_are_scikit_learns():
    assert ACCURACY.score(OUTPUTS, REFERENCES) == pytest.approx(
        100 * accuracy_score(REFERENCES, OUTPUTS)
    )
    assert MACRO_F1.score(OUTPUTS, REFERENCES) == pytest.approx(
        100 * f1_score(REFERENCES, OUTPUTS, average="macro", zero_division=0)
    )


def test_bits_saved_are_a_mean_over_tokens_and_never_below_zero():
    assert BITS_SAVED.score(["1.0 2.0", "", "6.0"], ["", "", ""]) == 3.0
    assert BITS_SAVED.score(["-1.0"], [""]) == 0.0
    assert BITS_SAVED.score([""], [""]) == 0.0


def test_a_clear_difference_has_a_small_p_value_and_none_a_large_one():
    better = ACCURACY.paired_bootstrap(REFERENCES, OUTPUTS, REFERENCES)
    assert (better.score, better.p < 0.01) == (100, True)
    same = ACCURACY.paired_bootstrap(OUTPUTS, OUTPUTS, REFERENCES)
    assert same.p > 0.5 or same.score == same.score_baseline
