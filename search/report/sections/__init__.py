"""The sections of the page in order; a new one is a file here and a line below."""

from __future__ import annotations

from collections.abc import Callable

from search.report.reported_study import ReportedStudy
from search.report.section import Section
from search.report.sections.confirmation import confirmation
from search.report.sections.curves import curves
from search.report.sections.endings import endings
from search.report.sections.fronts import fronts
from search.report.sections.layouts import layouts
from search.report.sections.matters import matters
from search.report.sections.predicts import predicts
from search.report.sections.reproduction import reproduction
from search.report.sections.settings import settings
from search.report.sections.trials import trials
from search.report.sections.winner import winner

# Each makes its section of a study, or None where it has nothing to say.
SECTIONS: tuple[Callable[[ReportedStudy], Section | None], ...] = (
    winner,
    confirmation,
    reproduction,
    layouts,
    curves,
    fronts,
    matters,
    predicts,
    trials,
    endings,
    settings,
)
