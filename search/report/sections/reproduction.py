"""The paper's tables, if the study is a reproduction of the paper's experiment."""

from __future__ import annotations

from search.replicates.paper_table import LAYOUT
from search.replicates.reproduction import measured_models, steering, tables_of
from search.replicates.seed_bands import score_over_minutes
from search.report.pictures.svg import svg_of
from search.report.reported_study import ReportedStudy
from search.report.section import Section
from search.report.templating import render


def reproduction(study: ReportedStudy) -> Section | None:
    """Section with Models 0 to 4 over their seeds."""
    if study.folder.purpose() != "reproduce":
        return None
    models = measured_models(study.folder, needs_weights=False)
    if not models:
        return None
    split = study.config.validation.split
    body = render(
        "reproduction.html",
        study=study,
        steering=steering(study.folder, models),
        tables=tables_of(study.folder, models),
        layout=LAYOUT,
        figure=svg_of(score_over_minutes(models, steered_by=split)),
    )
    return Section(
        name="reproduction",
        title="The paper’s experiment",
        body=body,
        pictures={"score_over_minutes": lambda: score_over_minutes(models, steered_by=split)},
    )
