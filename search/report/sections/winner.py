"""The best layout, its margin over the runner-up, and the commands to run next."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass

from search.exports.layout_file import LAYOUT
from search.replicates.confirm import read_confirmation
from search.report.reported_study import ReportedStudy
from search.report.section import Section
from search.report.stack import stack_svg
from search.report.templating import render
from search.report.winner_margin import winner_margin
from search.study.folder import StudyFolder
from trainable.aucc import best_point


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedScores:
    """What the study's export scored on the whole sets."""

    encoder: str
    beam: int
    bleu_valid: float
    bleu_test: float
    signature: str


def winner(study: ReportedStudy) -> Section:
    """Section with the best layout, and the noise it was measured with."""
    best = study.best
    if best is None:
        body = render("no_winner.html", study=study)
        return Section(name="winner", title="No winner yet", body=body)
    body = render(
        "winner.html",
        study=study,
        best=best,
        stack=stack_svg(best.encoder, best.decoder),
        when=best_point(best.curve).at(study.clock),
        margin=winner_margin(best, study.compared),
        exported=exported_scores(study.folder),
        confirmed=read_confirmation(study.folder) is not None,
    )
    return Section(name="winner", title="The best layout", body=body)


def exported_scores(folder: StudyFolder) -> ExportedScores | None:
    """The scores in the study's export; None where there is none."""
    try:
        scores = json.loads((folder.export / "scores.json").read_text(encoding="utf-8"))
        layout = tomllib.loads((folder.export / LAYOUT).read_text(encoding="utf-8"))
        return ExportedScores(
            encoder=layout["encoder"],
            **{name: scores[name] for name in ("beam", "bleu_valid", "bleu_test", "signature")},
        )
    except FileNotFoundError:
        return None
