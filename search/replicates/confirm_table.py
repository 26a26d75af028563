"""Results of ``confirm``: table of the entrants over their seeds, and JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from search.replicates.confirm import Confirmation
from search.replicates.confirm_entrants import BASELINE
from search.replicates.contest import COMPARED_MEASURES
from search.replicates.standing import Standing
from search.replicates.verdict import reservoir_lead


def confirm_table(confirmation: Confirmation) -> Table:
    """Table of the entrants, leader first: mean ± standard deviation over seeds, and p."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("entrant", overflow="fold", min_width=8)
    table.add_column("seeds", justify="right")
    for heading in headings(confirmation):
        table.add_column(heading, justify="right", no_wrap=True)
        table.add_column("p", justify="right", no_wrap=True)
    for standing in confirmation.contest.standings:
        table.add_row(*cells(confirmation, standing))
    return table


def headings(confirmation: Confirmation) -> list[str]:
    """Headings of the measures in tables."""
    return [confirmation.metric if measure == "score" else measure for measure in COMPARED_MEASURES]


def cells(confirmation: Confirmation, standing: Standing) -> list[str]:
    """Row of an entrant: name, seeds; for each measure its mean and the p-value of the leader."""
    contest = confirmation.contest
    n_tried = standing.n_seeds + standing.n_failed
    n_seeds = f"{standing.n_seeds} of {n_tried}" if standing.n_failed else str(n_tried)
    row = [f"{standing.entrant.name} {_encoder(standing)}".strip(), n_seeds]
    for measure in COMPARED_MEASURES:
        row.append(str(standing.values[measure]) if measure in standing.values else "-")
        is_leader = standing == contest.leader
        lead = None if is_leader else contest.comparison(contest.leader, standing, measure)
        row.append("" if lead is None else f"{lead.p:.2g}")
    return row


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
        "leader_leads_by": {name: asdict(lead) for name, lead in leads.items() if lead},
    }


def _encoder(standing: Standing) -> str:
    """Layout of the baseline; empty for the others, whose name has it."""
    if not standing.entrant.name.startswith(BASELINE):
        return ""
    return str(standing.entrant.candidate.encoder.canonical())
