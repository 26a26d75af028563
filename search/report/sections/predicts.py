"""Which cheap measure of a trial predicts its final AUCC."""

from __future__ import annotations

from search.prediction import predictions
from search.report.reported_study import ReportedStudy
from search.report.section import Section
from search.report.templating import render


def predicts(study: ReportedStudy) -> Section | None:
    """Rank correlations over the completed trials; nothing where there are too few."""
    told = predictions(study.records)
    if not told:
        return None
    return Section(
        name="predicts",
        title="Does it predict?",
        body=render("predicts.html", predictions=told),
    )
