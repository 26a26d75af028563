"""The best layout, its margin over the runner-up, and the commands to run next."""

from __future__ import annotations

import tomllib

from search.exports.exported_scores import SCORES, ExportedScores
from search.exports.layout_file import LAYOUT
from search.replicates.confirm import Confirmation, read_confirmation
from search.replicates.verdict import verdict
from search.report.reported_study import ReportedStudy
from search.report.section import Section
from search.report.stack import stack_svg
from search.report.study_standing import study_standing
from search.report.templating import render
from search.report.winner_margin import winner_margin
from search.study.folder import StudyFolder
from spaces.errors import UserError
from trainable.aucc import best_point


def winner(study: ReportedStudy) -> Section:
    """Section with the best layout, and the noise it was measured with."""
    best = study.best
    if best is None:
        body = render("no_winner.html", study=study)
        return Section(name="winner", title="No winner yet", body=body)
    standing = study_standing(study.folder)
    encoder, exported = exported_scores(study.folder)
    confirmed = read_confirmation(study.folder)
    body = render(
        "winner.html",
        study=study,
        best=best,
        stack=stack_svg(best.encoder, best.decoder),
        when=best_point(best.curve).at(study.clock),
        standing=[] if standing is None else standing.sentences(),
        margin=winner_margin(best, study.compared),
        exported=exported,
        exported_encoder=encoder,
        verdict=None if confirmed is None else verdict(confirmed)[0],
    )
    return Section(name="winner", title=_title(confirmed), body=body)


def _title(confirmed: Confirmation | None) -> str:
    if confirmed is None:
        return "The best layout"
    return "No winner" if confirmed.contest.winner is None else "The winner"


def exported_scores(folder: StudyFolder) -> tuple[str, ExportedScores | None]:
    """Encoder and scores of the study's export; an empty text and None without an export.

    Raises:
        UserError: a file of the export is damaged.
    """
    try:
        scores = (folder.export / SCORES).read_bytes()
        layout = tomllib.loads((folder.export / LAYOUT).read_text(encoding="utf-8"))
        return str(layout["encoder"]), ExportedScores.model_validate_json(scores)
    except FileNotFoundError:
        return "", None
    except (ValueError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"{folder.export}: {SCORES} or {LAYOUT} is damaged ({reason}); remove the folder "
            "and export again"
        ) from error
