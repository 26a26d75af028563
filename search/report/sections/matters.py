"""What mattered: the axes' importances, and the effect of each flag with its interval."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from search.report.effects import MIN_TRIALS, Effect, effects, importances, n_best, scored
from search.report.reported_study import ReportedStudy
from search.report.section import Picture, Section
from search.report.templating import render

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def matters(study: ReportedStudy) -> Section | None:
    """Importances and effects, over the completed trials."""
    trials = scored(study)
    if not trials:
        return None
    parts, found = importances(trials), effects(trials)
    body = render(
        "matters.html",
        study=study,
        n_trials=len(trials),
        min_trials=MIN_TRIALS,
        n_best=n_best(trials),
        importances=parts,
        effects=found,
        reach=reach(found),
        n_stopped=sum(record.state == "stopped" for record in study.records),
    )
    pictures: dict[str, Picture] = {}
    if parts:
        pictures["importances"] = _importances_picture(parts)
    if found:
        pictures["effects"] = _effects_picture(found)
    return Section(name="matters", title="What mattered", body=body, pictures=pictures)


def reach(found: Sequence[Effect]) -> tuple[float, float]:
    """From where to where the effects' scale goes: all means and zero, with some room.

    An interval from very few trials may be wider; it is cut, so that it doesn't flatten the rest.
    """
    means = [0.0, *(effect.ratio for effect in found)]
    width = max(means) - min(means) or 1.0
    return min(means) - 0.6 * width, max(means) + 0.6 * width


def _importances_picture(parts: Mapping[str, float]) -> Callable[[], Figure]:
    def plot() -> Figure:
        from search.report.pictures.matters import importances_figure

        return importances_figure(parts)

    return plot


def _effects_picture(found: Sequence[Effect]) -> Callable[[], Figure]:
    def plot() -> Figure:
        from search.report.pictures.matters import effects_figure

        return effects_figure(found)

    return plot
