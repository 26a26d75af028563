"""Sections of the page in order; to add one, add a file here and a line below."""

from __future__ import annotations

from collections.abc import Callable

from search.report.reported_study import ReportedStudy
from search.report.section import Section
from search.report.sections.confirmation import confirmation
from search.report.sections.correlations import correlations
from search.report.sections.curves import curves
from search.report.sections.endings import endings
from search.report.sections.fronts import fronts
from search.report.sections.importance import importance
from search.report.sections.layouts import layouts
from search.report.sections.parallel import parallel
from search.report.sections.progress import progress
from search.report.sections.reproduction import reproduction
from search.report.sections.settings import settings
from search.report.sections.slices import slices
from search.report.sections.timeline import timeline
from search.report.sections.trials import trials
from search.report.sections.winner import winner

# Each function makes the section of a study, or None if there is nothing to say.
SECTIONS: tuple[Callable[[ReportedStudy], Section | None], ...] = (
    winner,
    confirmation,
    reproduction,
    progress,
    layouts,
    curves,
    fronts,
    importance,
    slices,
    parallel,
    correlations,
    trials,
    timeline,
    endings,
    settings,
)
