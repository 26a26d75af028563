"""The name of a study's scores."""

from __future__ import annotations

from collections.abc import Iterable

from search.study.trial_record import TrialRecord


def score_name(records: Iterable[TrialRecord]) -> str:
    """Name of the metric for headings; "score" before the first trial."""
    return next((record.metric for record in records), "score")
