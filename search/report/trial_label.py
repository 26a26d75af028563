"""Name of a trial in figures."""

from __future__ import annotations

from search.study.trial_record import TrialRecord


def trial_label(record: TrialRecord) -> str:
    """Id and layout, as ``3: RLRL``."""
    return f"{record.id}: {record.canonical}"
