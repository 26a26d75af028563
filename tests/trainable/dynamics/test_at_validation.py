"""Dynamics at each validation of a trial, where `validation.dynamics` asks for them."""

import dataclasses
import math

import pytest

from spaces.layout import Layout
from trainable.config import TrialConfig
from trainable.dynamics.measure import (
    DYNAMICS_MEASURES,
    N_SENTENCES,
    dynamics_at_depth,
    validation_sentences,
)
from trainable.tasks.registry import load_task
from trainable.training import run_trial


def on_updates(curve):
    return [dataclasses.replace(point, seconds=0.0) for point in curve]


def test_a_trial_measures_them_and_trains_as_it_would_without(tiny_trial: TrialConfig):
    validation = tiny_trial.validation.model_copy(update={"dynamics": True})
    measured = run_trial(tiny_trial.model_copy(update={"validation": validation}), report=print)
    plain = run_trial(tiny_trial, report=print)
    assert on_updates(measured.curve) == on_updates(plain.curve)
    assert measured.dynamics.keys() == set(DYNAMICS_MEASURES)
    assert plain.dynamics == {}


def test_they_are_those_of_the_weights_at_the_trained_depth(tiny_trial: TrialConfig):
    task = load_task(tiny_trial.data)
    sentences = validation_sentences(task, N_SENTENCES)
    assert len(sentences) == N_SENTENCES

    def at_depth(encoder):
        config = tiny_trial.model.model_copy(update={"encoder": Layout.parse(encoder)})
        model = task.build_model(config, seed=1)
        return dynamics_at_depth(model, sentences)

    one, two = at_depth("L"), at_depth("LL")
    assert one != two
    assert one == at_depth("L")
    assert all(math.isfinite(value) for value in one.values())
    # Pre-norm: what the second layer adds makes the state, and with it the plain spread, larger.
    growth = two["token_spread"] / two["relative_token_spread"]
    assert growth > one["token_spread"] / one["relative_token_spread"]


@pytest.mark.parametrize("n_asked", [1, 7, 1000])
def test_sentences_are_of_the_validation_set_without_padding(tiny_trial: TrialConfig, n_asked):
    task = load_task(tiny_trial.data)
    corpus, found = task.corpus, validation_sentences(task, n_asked)
    whole = [
        tuple(pair["source"].tolist()) for pair in map(corpus.split("valid").__getitem__, range(40))
    ]
    assert len(found) == min(n_asked, 40)
    assert len({id(sentence) for sentence in found}) == len(found)
    assert {tuple(sentence.tolist()) for sentence in found} <= set(whole)
    assert all(corpus.src_dict.pad() not in sentence.tolist() for sentence in found)
