"""Confirmation of the best layouts over more seeds, if ``confirm`` trained them."""

from __future__ import annotations

from search.replicates.confirm import read_confirmation
from search.replicates.confirm_table import cells, verdict
from search.replicates.contest import COMPARED_MEASURES
from search.report.reported_study import ReportedStudy
from search.report.section import Section
from search.report.templating import render


def confirmation(study: ReportedStudy) -> Section | None:
    """Section with the entrants, their differences, and the winner if there is one."""
    told = read_confirmation(study.folder)
    if told is None:
        return None
    body = render(
        "confirmation.html",
        measures=list(COMPARED_MEASURES),
        rows=[cells(standing) for standing in told.contest.standings],
        sentences=verdict(told),
    )
    return Section(name="confirmation", title="Confirmation over seeds", body=body)
