"""The best layout in words, how sure that is, and what to do next."""

from __future__ import annotations

import tomllib

from search.exports.exported_scores import ExportedScores
from search.exports.layout_file import LAYOUT
from search.replicates.confirm import read_confirmation
from search.report.reported_study import ReportedStudy
from search.report.section import Section
from search.report.stack import stack_svg
from search.report.sureness import sureness
from search.report.templating import render
from search.study.folder import StudyFolder
from trainable.aucc import best_point


def winner(study: ReportedStudy) -> Section:
    """Which layout is best, as far as can be said."""
    best = study.best
    if best is None:
        body = render("no_winner.html", study=study)
        return Section(name="winner", title="No winner yet", body=body)
    encoder, exported = exported_scores(study.folder)
    body = render(
        "winner.html",
        study=study,
        best=best,
        stack=stack_svg(best.encoder, best.decoder),
        when=best_point(best.curve).at(study.clock),
        sure=sureness(best, study.compared),
        exported=exported,
        exported_encoder=encoder,
        confirmed=read_confirmation(study.folder) is not None,
    )
    return Section(name="winner", title="The best layout", body=body)


def exported_scores(folder: StudyFolder) -> tuple[str, ExportedScores | None]:
    """The encoder of the study's export, and its scores; None where there is no export."""
    try:
        scores = (folder.export / "scores.json").read_bytes()
        layout = tomllib.loads((folder.export / LAYOUT).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return "", None
    return layout["encoder"], ExportedScores.model_validate_json(scores)
