"""Candidate of a trial, found from the trial's settings."""

from __future__ import annotations

from spaces.candidate import Candidate
from spaces.space import SearchSpace
from trainable.config import TrialConfig


def candidate_of(trial: TrialConfig, space: SearchSpace) -> Candidate:
    """The candidate of ``space`` that ``trial`` trains: the inverse of ``StudyConfig.trial``."""
    hyper = {}
    for name in space.hyper:
        value = trial.setting(name)
        # A trial has None where a study file, and so an axis, says "none".
        hyper[name] = "none" if value is None else value
    return Candidate(
        encoder=trial.model.encoder,
        decoder=trial.model.decoder,
        reservoir_gain=trial.model.reservoir_gain,
        hyper=hyper,
    )
