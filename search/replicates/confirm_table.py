"""Results of ``confirm``: table of the entrants over their seeds, JSON, and a verdict."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from search.replicates.confirm import BASELINE, Confirmation
from search.replicates.contest import COMPARED_MEASURES, Contest, Standing
from search.stats.significance import SIGNIFICANCE


def confirm_table(confirmation: Confirmation) -> Table:
    """Table of the entrants, leader first: mean ± standard deviation over seeds, p after Holm."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("entrant", overflow="fold", min_width=8)
    table.add_column("seeds", justify="right")
    for heading in headings(confirmation):
        table.add_column(heading, justify="right", no_wrap=True)
        table.add_column("p (Holm)", justify="right", no_wrap=True)
    for standing in confirmation.contest.standings:
        table.add_row(*cells(standing))
    return table


def headings(confirmation: Confirmation) -> list[str]:
    """Headings of the measures in tables."""
    return [confirmation.metric if measure == "score" else measure for measure in COMPARED_MEASURES]


def cells(standing: Standing) -> list[str]:
    """Row of an entrant: name, seeds; for each measure its mean and the p-value of the leader."""
    row = [f"{standing.entrant.name} {_encoder(standing)}".strip(), str(standing.n_seeds)]
    for measure in COMPARED_MEASURES:
        row.append(str(standing.values[measure]) if standing.values else "-")
        p = standing.adjusted.get(measure)
        row.append("" if p is None else f"{p:.3g}")
    return row


def confirmation_json(confirmation: Confirmation) -> dict[str, Any]:
    """Value of the key ``confirm`` in ``show --json``."""
    contest = confirmation.contest
    return {
        "winner": None if contest.winner is None else contest.winner.name,
        "n_looks": contest.n_looks,
        "entrants": [
            {
                "name": standing.entrant.name,
                "layout": str(standing.entrant.candidate.encoder.canonical()),
                "n_seeds": standing.n_seeds,
                "values": {name: asdict(value) for name, value in standing.values.items()},
                "leader_leads_by": {name: asdict(c) for name, c in standing.leads_by.items()},
                "p_adjusted": standing.adjusted,
            }
            for standing in contest.standings
        ],
        "metric": confirmation.metric,
        "test_score": None if confirmation.bootstrap is None else asdict(confirmation.bootstrap),
    }


def verdict(confirmation: Confirmation) -> list[str]:
    """Sentences that name the winner, or say why there is none."""
    contest = confirmation.contest
    leader, *rivals = contest.standings
    looks = f", divided over {contest.n_looks} interim looks" if contest.n_looks > 1 else ""
    if contest.winner is not None:
        sentences = [
            (
                f"winner: {contest.winner.name}, significantly better than the others in the "
                f"study's objective (Welch's t-test, Holm's correction for {len(rivals)} "
                f"comparisons, p below {SIGNIFICANCE}{looks})"
            )
        ]
    else:
        sentences = [f"no winner: {leader.entrant.name} leads, but not significantly"]
        sentences += [_needed(rival, contest) for rival in rivals if not contest.is_beaten(rival)]
    bootstrap = confirmation.bootstrap
    if bootstrap is not None:
        sentences.append(
            f"test {confirmation.metric} of {leader.entrant.name} {bootstrap.score:.2f}, of the "
            f"baseline {bootstrap.score_baseline:.2f} (one seed each; paired bootstrap over "
            f"{bootstrap.n_resamples} resamples: p = {bootstrap.p:.3f})"
        )
    return sentences


def _encoder(standing: Standing) -> str:
    """Layout of the baseline; empty for the others, whose name has it."""
    if standing.entrant.name != BASELINE:
        return ""
    return str(standing.entrant.candidate.encoder.canonical())


def _needed(rival: Standing, contest: Contest) -> str:
    n_seeds = contest.n_seeds_needed(rival)
    if n_seeds is None:
        return f"not significantly better than {rival.entrant.name}: too few seeds"
    return (
        f"not significantly better than {rival.entrant.name}: a difference of this size needs "
        f"about {n_seeds} seeds of each"
    )
