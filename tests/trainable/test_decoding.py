from __future__ import annotations

import numpy as np
import pytest
import torch
from fairseq.sequence_generator import SequenceGenerator

from trainable.checkpoint import load_learned_weights
from trainable.config import Budget, TrialConfig
from trainable.decoding import FULL_LIMIT, QUICK_LIMIT, beam_search, decode
from trainable.models.build import build_model
from trainable.tasks.registry import load_task
from trainable.training import run_trial


def test_a_trained_model_translates_greedily_as_fairseqs_generator_does(tiny_trial: TrialConfig):
    """By then some sentences end early and others late, which their random start does not."""
    config = tiny_trial.model_copy(
        update={
            "model": tiny_trial.model.model_copy(update={"d_model": 32, "dropout": 0.0}),
            "budget": Budget(updates=300),
            "validation": tiny_trial.validation.model_copy(update={"interval_updates": 300}),
        }
    )
    corpus = load_task(config.data).corpus
    model = build_model(
        config.model, src_dict=corpus.src_dict, tgt_dict=corpus.tgt_dict, seed=config.seed
    ).eval()
    load_learned_weights(model, run_trial(config, report=lambda _: None).checkpoint().weights)
    batch = corpus.collator("valid")(np.arange(40))
    generator = SequenceGenerator(
        [model],
        corpus.tgt_dict,
        beam_size=1,
        max_len_a=QUICK_LIMIT.ratio,
        max_len_b=QUICK_LIMIT.extra,
    )
    theirs = [corpus.tgt_dict.string(found[0]["tokens"]) for found in generator(batch)]

    ours = decode(model, batch, corpus.tgt_dict, beam=1, limit=QUICK_LIMIT)

    assert ours == theirs
    assert len({len(words.split()) for words in ours}) > 3


def test_a_score_is_the_mean_log_probability_of_the_tokens_and_the_end(tiny_trial: TrialConfig):
    corpus = load_task(tiny_trial.data).corpus
    model = build_model(
        tiny_trial.model, src_dict=corpus.src_dict, tgt_dict=corpus.tgt_dict, seed=1
    ).eval()
    dictionary, batch = corpus.tgt_dict, corpus.collator("valid")(np.arange(3))
    found = beam_search(model, batch, dictionary, beam=4, n_best=3, limit=FULL_LIMIT)
    assert [len(hypotheses) for hypotheses in found] == [3, 3, 3]
    assert [best.text for best, *_ in found] == decode(
        model, batch, dictionary, beam=4, limit=FULL_LIMIT
    )
    sources, lengths = batch["net_input"]["src_tokens"], batch["net_input"]["src_lengths"]
    for place, hypotheses in enumerate(found):
        for hypothesis in hypotheses:
            target = dictionary.encode_line(hypothesis.text, add_if_not_exist=False).long()[None]
            output = model(sources[place : place + 1], lengths[place : place + 1], target.roll(1))
            chances = torch.log_softmax(output[0], dim=-1).gather(2, target[..., None])
            assert hypothesis.score == pytest.approx(chances.mean().item(), abs=1e-4)
        scores = [hypothesis.score for hypothesis in hypotheses]
        assert scores == sorted(scores, reverse=True)
