"""Which cheap measure of a trial predicts its final AUCC."""

from __future__ import annotations

from search.report.reported_study import ReportedStudy
from search.report.section import Section
from search.report.templating import render
from search.stats.prediction import predictions
from search.suggest.proxy_tally import in_words, tally_proxy


def predicts(study: ReportedStudy) -> Section | None:
    """Rank correlations over the completed trials; nothing where there are too few."""
    told = predictions(study.records)
    tally = tally_proxy(study.config, study.records, study.suggestions)
    if not told and tally is None:
        return None
    return Section(
        name="predicts",
        title="Does it predict?",
        body=render(
            "predicts.html",
            predictions=told,
            proxy=[] if tally is None else in_words(tally, study.config),
        ),
    )
