"""Confirmation of the best layouts over more seeds, if ``confirm`` trained them."""

from __future__ import annotations

from search.replicates.confirm import read_confirmation
from search.replicates.confirm_table import cells, headings
from search.replicates.verdict import verdict
from search.report.reported_study import ReportedStudy
from search.report.section import Section
from search.report.templating import render


def confirmation(study: ReportedStudy) -> Section | None:
    """Section with the entrants, their differences, and the winner if there is one."""
    confirmed = read_confirmation(study.folder)
    if confirmed is None:
        return None
    body = render(
        "confirmation.html",
        measures=headings(confirmed),
        rows=[cells(confirmed, standing) for standing in confirmed.contest.standings],
        sentences=verdict(confirmed),
    )
    return Section(name="confirmation", title="Confirmation over seeds", body=body)
