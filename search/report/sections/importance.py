"""Importance of each axis, and the effect of each value with its confidence interval."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from search.report.effects import MIN_TRIALS, Effect, effects, importances, n_best, scored
from search.report.reported_study import ReportedStudy
from search.report.section import Picture, Section
from search.report.templating import render

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def importance(study: ReportedStudy) -> Section | None:
    """Section with importances and effects, over the completed trials."""
    trials = scored(study)
    if not trials:
        return None
    shares, found = importances(trials), effects(trials)
    body = render(
        "importance.html",
        study=study,
        n_trials=len(trials),
        min_trials=MIN_TRIALS,
        n_best=n_best(trials),
        importances=shares,
        effects=found,
        effect_range=effect_range(found),
        n_stopped=sum(record.state == "stopped" for record in study.records),
    )
    pictures: dict[str, Picture] = {}
    if shares:
        pictures["importances"] = _importances_picture(shares)
    if found:
        pictures["effects"] = _effects_picture(found)
    return Section(name="importance", title="Importance and effects", body=body, pictures=pictures)


def effect_range(found: Sequence[Effect]) -> tuple[float, float]:
    """Range of the effects' axis: all means and zero, with a margin.

    A wider confidence interval, from very few trials, is cut: it would flatten all others.
    """
    means = [0.0, *(effect.ratio for effect in found)]
    width = max(means) - min(means) or 1.0
    return min(means) - 0.6 * width, max(means) + 0.6 * width


def _importances_picture(shares: Mapping[str, float]) -> Callable[[], Figure]:
    def plot() -> Figure:
        from search.report.pictures.importance import importances_figure

        return importances_figure(shares)

    return plot


def _effects_picture(found: Sequence[Effect]) -> Callable[[], Figure]:
    def plot() -> Figure:
        from search.report.pictures.importance import effects_figure

        return effects_figure(found)

    return plot
