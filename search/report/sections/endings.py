"""Outcomes of the suggestions with reasons: trained, stopped, failed, repeated, out of bounds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from search.report.reported_study import ReportedStudy
from search.report.section import Section
from search.report.templating import render
from search.study.trial_record import TrialRecord


def endings(study: ReportedStudy) -> Section:
    """Section with the counts of all outcomes, then each group with its reasons."""
    n_repeats = study.suggestions.n_repeats
    body = render(
        "endings.html",
        study=study,
        n_suggestions=study.suggestions.n_new,
        states=Counter(record.state for record in study.records),
        stopped=_by_reason(study.records, "stopped"),
        failed=_by_reason(study.records, "failed"),
        repeated=[(r, n_repeats[r.id]) for r in study.records if r.id in n_repeats],
        refused=Counter(study.suggestions.refusals).most_common(),
        n_discarded=len(study.suggestions.discards),
    )
    return Section(name="endings", title="Stopped, failed, repeated", body=body)


def _by_reason(records: Sequence[TrialRecord], state: str) -> list[tuple[str, list[TrialRecord]]]:
    """Trials in ``state`` by reason, most frequent reason first."""
    groups: dict[str, list[TrialRecord]] = {}
    for record in records:
        if record.state == state:
            groups.setdefault(record.reason or "no reason is recorded", []).append(record)
    return sorted(groups.items(), key=lambda group: -len(group[1]))
