"""The dynamics of a trial's encoder before training."""

from __future__ import annotations

from trainable.config import TrialConfig
from trainable.corpus import load_corpus
from trainable.dynamics.at_validation import N_SENTENCES, dynamics_at_depth
from trainable.dynamics.sentences import validation_sentences
from trainable.models.build import build_model


def untrained_dynamics(config: TrialConfig) -> dict[str, float]:
    """``dynamics_at_depth`` of the model that the trial starts from.

    Raises:
        UserError: the data or the settings cannot be used.
    """
    corpus = load_corpus(config.data)
    model = build_model(
        config.model, src_dict=corpus.src_dict, tgt_dict=corpus.tgt_dict, seed=config.seed
    )
    return dynamics_at_depth(model, validation_sentences(corpus, N_SENTENCES))
