"""Confirmation of the best layouts over more seeds, if ``confirm`` trained them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search.replicates.confirm import Confirmation, read_confirmation
from search.replicates.confirm_table import RATIO, cells, headings
from search.replicates.seed_bands import seed_bands
from search.replicates.verdict import verdict
from search.report.clocks import TITLES
from search.report.pictures.svg import svg_of
from search.report.reported_study import ReportedStudy
from search.report.section import Section
from search.report.templating import render
from search.study.ledger import sorted_records
from search.study.trial_record import TrialRecord

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def confirmation(study: ReportedStudy) -> Section | None:
    """Section with the entrants, their differences, and the winner if there is one."""
    confirmed = read_confirmation(study.folder)
    if confirmed is None:
        return None

    def picture() -> Figure:
        return seed_bands(
            _seeds(study, confirmed),
            clock=study.clock,
            x_label=TITLES[study.clock],
            y_label=f"validation {confirmed.metric}",
        )

    body = render(
        "confirmation.html",
        measures=headings(confirmed),
        ratio=RATIO,
        rows=[cells(confirmed, standing) for standing in confirmed.contest.standings],
        sentences=verdict(confirmed),
        metric=confirmed.metric,
        clock=TITLES[study.clock],
        figure=svg_of(picture()),
    )
    return Section(
        name="confirmation",
        title="Confirmation over seeds",
        body=body,
        pictures={"confirmation": picture},
    )


def _seeds(study: ReportedStudy, confirmed: Confirmation) -> dict[str, list[TrialRecord]]:
    """Completed trials of each entrant that has some, in the order of the standings."""
    records = sorted_records(study.folder.confirm.trials)
    found = {
        cells(confirmed, standing)[0]: list(standing.entrant.completed(records))
        for standing in confirmed.contest.standings
    }
    return {name: seeds for name, seeds in found.items() if seeds}
