"""The name of a study's scores."""

from __future__ import annotations

from collections.abc import Iterable

from search.study.trial_record import TrialRecord


def score_name(records: Iterable[TrialRecord]) -> str:
    """The metric's name, as headings have it; "score" before the first trial."""
    return next((record.metric for record in records), "score")
