"""What tests of several rooms share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.encoder_exports import write_export
from trainable.config import Budget, ModelConfig, TrainConfig, TrialConfig, ValidationConfig
from trainable.data.grammar.corpus import grammar
from trainable.data.grammar.kinds import grammar_sentences
from trainable.data.grammar.summaries import grammar_summaries
from trainable.data.prepare import prepare
from trainable.data.prepare_sentences import prepare_sentences


@pytest.fixture(scope="session")
def small_grammar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared corpus of 600 training pairs, which tests only read."""
    out = tmp_path_factory.mktemp("corpus") / "grammar"
    prepare(lambda: grammar(seed=3, n_train=600, n_valid=40, n_test=40), out, n_merges=200)
    return out


@pytest.fixture(scope="session")
def tiny_trial(small_grammar: Path) -> TrialConfig:
    """Twelve updates of a model small enough to train within a second or two."""
    return TrialConfig(
        data=str(small_grammar),
        seed=5,
        model=ModelConfig(encoder="R1LR1L", decoder="L", d_model=16, ffn=32, heads=2),
        train=TrainConfig(lr=5e-3, warmup_updates=4, batch_tokens=256),
        validation=ValidationConfig(interval_updates=4, n_sentences=10),
        budget=Budget(updates=12),
    )


SMALL = {"seed": 3, "n_train": 400, "n_valid": 40, "n_test": 40}


@pytest.fixture(scope="session")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sentences with the labels of their kinds."""
    out = tmp_path_factory.mktemp("sentences") / "kinds"
    prepare_sentences(
        lambda: grammar_sentences(with_kinds=True, **SMALL), out, task="classification", n_merges=99
    )
    return out


@pytest.fixture(scope="session")
def english(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sentences without labels."""
    out = tmp_path_factory.mktemp("sentences") / "english"
    prepare_sentences(
        lambda: grammar_sentences(with_kinds=False, **SMALL), out, task="masked_lm", n_merges=99
    )
    return out


@pytest.fixture(scope="session")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Documents and their short forms."""
    out = tmp_path_factory.mktemp("documents") / "short"
    prepare(lambda: grammar_summaries(**SMALL), out, n_merges=99, joined_dictionary=True)
    return out


@pytest.fixture(scope="session")
def language_export(english: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What of a masked language model's export is read: settings, weights, words."""
    return write_export(english, tmp_path_factory.mktemp("language") / "export")


@pytest.fixture(scope="session")
def kinds_export(kinds: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same of a classifier's."""
    return write_export(kinds, tmp_path_factory.mktemp("kinds") / "export")
