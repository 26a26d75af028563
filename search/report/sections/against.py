"""Another study beside this one: best so far, best trials, common layouts, other settings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import exp, log
from typing import Any

from search.report.colours import series
from search.report.reported_study import ReportedStudy
from search.report.section import Section
from search.report.sections.progress import Step, steps_of
from search.report.sections.settings import flat, without_login
from search.report.templating import MISSING, render
from search.report.trial_label import trial_label
from search.study.comparability import other_settings
from search.study.trial_record import TrialRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A model that both studies trained to the end."""

    own: TrialRecord
    other: TrialRecord

    @property
    def ratio(self) -> float | None:
        """The other's objective divided by the own; None where one is 0 or below."""
        own, other = self.own.objective or 0.0, self.other.objective or 0.0
        return other / own if own > 0 and other > 0 else None


def against(study: ReportedStudy, other: ReportedStudy) -> Section:
    """Section with ``other`` beside ``study``."""
    names = names_of(study, other)
    reasons = reasons_against(study, other)
    common = pairs_of(study, other)
    pairs = [] if reasons else common
    ratios = [pair.ratio for pair in pairs if pair.ratio is not None]
    body = render(
        "against.html",
        studies=list(zip(names, (study, other), strict=True)),
        names=names,
        units=_units(study, other, names),
        reasons=reasons,
        figures=_figures(study, other, names, is_one=not reasons),
        pairs=pairs,
        n_common=len(common),
        is_own_better=[
            study.config.objective.gain(p.own.objective)
            > study.config.objective.gain(p.other.objective)
            for p in pairs
        ],
        mean_ratio=exp(sum(map(log, ratios)) / len(ratios)) if ratios else None,
        settings=list(differing_settings(study, other)),
    )
    return Section(name="against", title=f"Beside {names[1]}", body=body)


def names_of(study: ReportedStudy, other: ReportedStudy) -> tuple[str, str]:
    """Names of both studies; their folders where the names are equal."""
    if study.name != other.name:
        return study.name, other.name
    return str(study.folder.path), str(other.folder.path)


def reasons_against(study: ReportedStudy, other: ReportedStudy) -> list[str]:
    """Why objectives of the two studies do not compare; empty if they do."""
    reasons = [f"[{name}] differs" for name in other_settings(study.config, other.config)]
    if study.manifest is None or other.manifest is None:
        reasons.append("prepared data are gone")
    elif study.manifest.digest != other.manifest.digest:
        reasons.append("the prepared data differ")
    return reasons


def pairs_of(study: ReportedStudy, other: ReportedStudy) -> list[Pair]:
    """Models with the same layouts and settings that both compared, the own best first."""
    others = {_model(record): record for record in other.compared}
    return [
        Pair(own=record, other=others[_model(record)])
        for record in study.compared
        if _model(record) in others
    ]


def differing_settings(
    study: ReportedStudy, other: ReportedStudy
) -> Iterator[tuple[str, str, str]]:
    """Name and both values of each setting that differs, the studies' names apart."""
    own, others = (dict(flat(each.resolved["study"])) for each in (study, other))
    for name in dict.fromkeys([*own, *others]):
        values = own.get(name, MISSING), others.get(name, MISSING)
        if name != "name" and values[0] != values[1]:
            yield name, without_login(values[0]), without_login(values[1])


def _units(study: ReportedStudy, other: ReportedStudy, names: Sequence[str]) -> list[str]:
    """Meaning of score, AUCC and objective; once if it is the same in both studies."""
    own, others = (
        f"the score is {each.metric}, the AUCC in {each.unit}, the objective {each.objective_words}"
        for each in (study, other)
    )
    if own == others:
        return [f"{own[0].upper()}{own[1:]}."]
    return [f"{name}: {words}." for name, words in zip(names, (own, others), strict=True)]


def _model(record: TrialRecord) -> tuple[str, str]:
    return record.config.model.model_dump_json(), record.config.train.model_dump_json()


def _figures(
    study: ReportedStudy, other: ReportedStudy, names: Sequence[str], *, is_one: bool
) -> list[tuple[str, dict[str, Any]]]:
    """Best so far of both studies, in one figure if they compare; each with its description."""
    lines = [_line(n, names[n], steps_of(each)) for n, each in enumerate((study, other))]
    if is_one:
        return [(" and ".join(names), _figure(lines))]
    return [(name, _figure([line])) for name, line in zip(names, lines, strict=True)]


def _line(number: int, name: str, steps: Sequence[Step]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "x": list(range(1, len(steps) + 1)),
        "y": [step.best.objective for step in steps],
        "text": [trial_label(step.best) for step in steps],
        "line": {
            "color": f"var(--{series(number)})",
            "width": 2,
            "shape": "hv",
            "dash": ("solid", "dash")[number],
        },
        "marker": {"size": 4},
        "hovertemplate": f"{name}: trial %{{text}}<br>%{{y:,.5~g}}<extra></extra>",
    }


def _figure(lines: Sequence[dict[str, Any]]) -> dict[str, Any]:
    layout = {
        "showlegend": True,
        "xaxis": {"title": {"text": "compared trials"}, "rangemode": "tozero"},
        "yaxis": {"title": {"text": "objective"}},
    }
    return {"data": list(lines), "layout": layout}
