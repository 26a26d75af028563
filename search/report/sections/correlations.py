"""Rank correlations of early, cheap measures with the final AUCC."""

from __future__ import annotations

from search.report.reported_study import ReportedStudy
from search.report.scored_trials import scored
from search.report.section import Section
from search.report.templating import render
from search.stats.prediction import predictions
from search.suggest.proxy_tally import in_words, tally_proxy


def correlations(study: ReportedStudy) -> Section | None:
    """Section with the correlations over the completed trials; None if there are too few."""
    found = predictions(study.records)
    tally = tally_proxy(study.config, study.records, study.suggestions)
    if not found and tally is None:
        return None
    return Section(
        name="correlations",
        title="Predictors of the final AUCC",
        body=render(
            "correlations.html",
            predictions=found,
            n_stopped=sum(trial.is_forecast for trial in scored(study)),
            divides=study.config.objective.name == "aucc_per_mparam",
            proxy=[] if tally is None else in_words(tally, study.config),
        ),
    )
