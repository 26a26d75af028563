"""Best layouts and those on the Pareto front, drawn as stacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search.report.reported_study import ReportedStudy
from search.report.section import Section
from search.report.stack import stack_svg
from search.report.templating import render
from search.study.trial_record import TrialRecord
from spaces.kinds import LAYER_KINDS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_DRAWN = 10


def layouts(study: ReportedStudy) -> Section | None:
    """Section with the stacks of the best trials and of the front."""
    drawn = drawn_trials(study)
    if not drawn:
        return None
    stacks = [(record, stack_svg(record.encoder, record.decoder)) for record in drawn]
    body = render("layouts.html", study=study, stacks=stacks, kinds=LAYER_KINDS.values())

    def picture() -> Figure:
        from search.report.pictures.stacks import stacks_figure

        return stacks_figure(drawn)

    return Section(name="layouts", title="Layouts", body=body, pictures={"layouts": picture})


def drawn_trials(study: ReportedStudy) -> list[TrialRecord]:
    """Best trials, then the others of the front; at most ``MAX_DRAWN``, best first."""
    few = {record.id for record in study.top_trials}
    others = [r for r in study.compared if r.id in study.front and r.id not in few]
    return [*study.top_trials, *others][:MAX_DRAWN]
