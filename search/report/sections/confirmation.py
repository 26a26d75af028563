"""The best layouts over more seeds, where ``confirm`` trained them."""

from __future__ import annotations

from search.replicates.confirm import read_confirmation
from search.replicates.confirm_table import cells, headings, verdict
from search.report.reported_study import ReportedStudy
from search.report.section import Section
from search.report.templating import render


def confirmation(study: ReportedStudy) -> Section | None:
    """The entrants, what separates them, and the winner only where there is one."""
    told = read_confirmation(study.folder)
    if told is None:
        return None
    body = render(
        "confirmation.html",
        measures=headings(told),
        rows=[cells(standing) for standing in told.contest.standings],
        sentences=verdict(told),
    )
    return Section(name="confirmation", title="Confirmed over seeds?", body=body)
