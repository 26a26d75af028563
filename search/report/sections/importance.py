"""Importance of each axis, and the effect of each value with its confidence interval."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from search.report.effects import Effect, effects, is_relative
from search.report.importances import DEPTH, MIN_TRIALS, Importance, importances
from search.report.reported_study import ReportedStudy
from search.report.scored_trials import axes_of, scored
from search.report.section import Picture, Section
from search.report.templating import render

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def importance(study: ReportedStudy) -> Section | None:
    """Section with importances and effects, over all trials with a known or forecast end."""
    trials = scored(study)
    if not trials:
        return None
    found_importances, found = importances(trials), effects(trials)
    body = render(
        "importance.html",
        study=study,
        n_trials=len(trials),
        min_trials=MIN_TRIALS,
        depth=DEPTH,
        importances=found_importances,
        without_bar=[axis for axis in axes_of(trials) if axis not in found_importances],
        relative=is_relative(trials),
        effects=found,
        effect_range=effect_range(found),
        n_forecast=sum(trial.is_forecast for trial in trials),
        n_failed=sum(record.state == "failed" for record in study.records),
    )
    pictures: dict[str, Picture] = {}
    if found_importances:
        pictures["importances"] = _importances_picture(found_importances)
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


def _importances_picture(found: Mapping[str, Importance]) -> Callable[[], Figure]:
    def plot() -> Figure:
        from search.report.pictures.importance import importances_figure

        return importances_figure(found)

    return plot


def _effects_picture(found: Sequence[Effect]) -> Callable[[], Figure]:
    def plot() -> Figure:
        from search.report.pictures.importance import effects_figure

        return effects_figure(found)

    return plot
