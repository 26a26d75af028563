"""The way back from a trial's settings to the candidate that they came from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spaces.candidate import Candidate
from spaces.layout import Layout
from spaces.space import SearchSpace


def candidate_of(trial: Mapping[str, Any], space: SearchSpace) -> Candidate:
    """The candidate of ``space`` that ``trial`` trains: the inverse of ``StudyConfig.trial``.

    Args:
        trial: a ``TrialConfig`` as a dict, as a trial's record and Tune's config have it.
    """
    model = trial["model"]
    hyper = {}
    for name in space.hyper:
        table, _, field = name.partition(".")
        value = trial[table][field]
        # A trial has None where a study file, and so an axis, says "none".
        hyper[name] = "none" if value is None else value
    return Candidate(
        encoder=Layout.parse(model["encoder"]),
        decoder=Layout.parse(model["decoder"]),
        reservoir_gain=model["reservoir_gain"],
        hyper=hyper,
    )
