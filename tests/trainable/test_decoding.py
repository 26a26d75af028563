from __future__ import annotations

import numpy as np
from fairseq.sequence_generator import SequenceGenerator

from trainable.checkpoint import load_learned_weights
from trainable.config import Budget, TrialConfig
from trainable.decoding import QUICK_LIMIT, decode
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
