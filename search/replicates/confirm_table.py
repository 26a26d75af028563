"""Results of ``confirm``: table of the entrants over their seeds, and JSON."""

from __future__ import annotations

from dataclasses import asdict
from statistics import fmean
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from search.replicates.confirm import Confirmation
from search.replicates.confirm_entrants import BASELINE
from search.replicates.contest import COMPARED_MEASURES, Contest
from search.replicates.standing import Standing
from search.replicates.verdict import reservoir_lead
from search.study.references import is_model0

RATIO = "AUCC ÷ Model 0"  # heading of the last column, for which 80 characters are too few
_MIN_WIDTH_WITH_RATIO = 100


def confirm_table(confirmation: Confirmation, width: int) -> Table:
    """Table of the entrants, leader first: mean ± standard deviation over seeds, and p.

    Args:
        width: characters of a line; a narrow terminal does without the ratio to Model 0.
    """
    has_ratio = width >= _MIN_WIDTH_WITH_RATIO
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("entrant", overflow="fold", min_width=8)
    table.add_column("seeds", justify="right")
    for heading in headings(confirmation):
        table.add_column(heading, justify="right", no_wrap=True)
        table.add_column("p", justify="right", no_wrap=True)
    if has_ratio:
        table.add_column(RATIO, justify="right", no_wrap=True)
    for standing in confirmation.contest.standings:
        row = cells(confirmation, standing)
        table.add_row(*(row if has_ratio else row[:-1]))
    return table


def headings(confirmation: Confirmation) -> list[str]:
    """Headings of the measures in tables."""
    return [confirmation.metric if measure == "score" else measure for measure in COMPARED_MEASURES]


def cells(confirmation: Confirmation, standing: Standing) -> list[str]:
    """Row of an entrant: name, seeds; for each measure its mean and the leader's p; the ratio."""
    contest = confirmation.contest
    n_tried = standing.n_seeds + standing.n_failed
    n_seeds = f"{standing.n_seeds} of {n_tried}" if standing.n_failed else str(n_tried)
    row = [f"{standing.entrant.name} {_encoder(standing)}".strip(), n_seeds]
    for measure in COMPARED_MEASURES:
        row.append(str(standing.values[measure]) if measure in standing.values else "-")
        is_leader = standing == contest.leader
        lead = None if is_leader else contest.comparison(contest.leader, standing, measure)
        row.append("" if lead is None else f"{lead.p:.2g}")
    ratio = aucc_over_model0(contest, standing)
    return [*row, "-" if ratio is None else f"{ratio:.3f}"]


def aucc_over_model0(contest: Contest, standing: Standing) -> float | None:
    """Mean AUCC divided by that of Model 0 of the same depth, on the seeds of both.

    Where Model 0 takes part with several settings, it is that with most of the seeds, and of
    these the better. None without one.
    """
    pairs = [
        standing.common(other, "AUCC")
        for other in contest.standings
        if is_model0(other.entrant.candidate, standing.entrant.candidate.encoder.depth)
    ]
    known = [(mine, theirs) for mine, theirs in pairs if any(theirs)]
    if not known:
        return None
    mine, theirs = max(known, key=lambda pair: (len(pair[1]), fmean(pair[1])))
    return fmean(mine) / fmean(theirs)


def confirmation_json(confirmation: Confirmation) -> dict[str, Any]:
    """Value of the key ``confirm`` in ``show --json``."""
    contest = confirmation.contest
    reservoirs = reservoir_lead(contest)
    return {
        "winner": None if contest.winner is None else contest.winner.name,
        "n_looks": len(contest.looks),
        "n_seeds": contest.n_seeds,
        "level": contest.level,
        "tests": {
            measure: {"is_paired": test.is_paired, "correlation": test.correlation}
            for measure, test in contest.tests.items()
        },
        "entrants": [_entrant_json(confirmation, standing) for standing in contest.standings],
        "reservoirs": None
        if reservoirs is None
        else {
            "with": reservoirs.standing.entrant.name,
            "without": reservoirs.other.entrant.name,
            "leads_by": asdict(reservoirs.lead),
        },
        "metric": confirmation.metric,
        "test_score": None if confirmation.bootstrap is None else asdict(confirmation.bootstrap),
    }


def _entrant_json(confirmation: Confirmation, standing: Standing) -> dict[str, Any]:
    contest = confirmation.contest
    leads = {
        measure: contest.comparison(contest.leader, standing, measure)
        for measure in COMPARED_MEASURES
        if standing != contest.leader
    }
    return {
        "name": standing.entrant.name,
        "layout": str(standing.entrant.candidate.encoder.canonical()),
        "n_seeds": standing.n_seeds,
        "n_failed": standing.n_failed,
        "broken_bound": standing.broken_bound,
        "values": {name: asdict(value) for name, value in standing.values.items()},
        "aucc_over_model0": aucc_over_model0(contest, standing),
        "leader_leads_by": {name: asdict(lead) for name, lead in leads.items() if lead},
    }


def _encoder(standing: Standing) -> str:
    """Layout of the baseline; empty for the others, whose name has it."""
    if not standing.entrant.name.startswith(BASELINE):
        return ""
    return str(standing.entrant.candidate.encoder.canonical())
