"""What ``confirm`` prints: the entrants over their seeds, and what may be said of them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from search.replicates.confirm import BASELINE, Confirmation
from search.replicates.contest import COMPARED_MEASURES, Contest, Standing
from search.stats.significance import SIGNIFICANCE


def confirm_table(confirmation: Confirmation) -> Table:
    """The entrants, the leader first: mean ± standard deviation over seeds, and p after Holm."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("entrant", overflow="fold", min_width=8)
    table.add_column("seeds", justify="right")
    for heading in headings(confirmation):
        table.add_column(heading, justify="right", no_wrap=True)
        table.add_column("p", justify="right", no_wrap=True)
    for standing in confirmation.contest.standings:
        table.add_row(*cells(standing))
    return table


def headings(confirmation: Confirmation) -> list[str]:
    """The measures, as tables call them."""
    return [confirmation.metric if measure == "score" else measure for measure in COMPARED_MEASURES]


def cells(standing: Standing) -> list[str]:
    """One row: name, seeds, and of each measure the values and the leader's p against them."""
    told = [f"{standing.entrant.name} {_encoder(standing)}".strip(), str(standing.n_seeds)]
    for measure in COMPARED_MEASURES:
        told.append(str(standing.values[measure]) if standing.values else "-")
        p = standing.adjusted.get(measure)
        told.append("" if p is None else f"{p:.3g}")
    return told


def confirmation_json(confirmation: Confirmation) -> dict[str, Any]:
    """The key ``confirm`` of ``show --json``."""
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
    """The winner, or why there is none, in sentences."""
    contest = confirmation.contest
    leader, *rivals = contest.standings
    looks = f"{contest.n_looks} looks" if contest.n_looks > 1 else "one look"
    if contest.winner is not None:
        told = [
            (
                f"winner: {contest.winner.name}, separated from the others on the study's "
                f"objective (Welch's t, Holm over {len(rivals)}, p below {SIGNIFICANCE} shared "
                f"by {looks})"
            )
        ]
    else:
        told = [f"no winner: {leader.entrant.name} leads, but not by enough"]
        told += [_needed(rival, contest) for rival in rivals if not contest.is_beaten(rival)]
    bootstrap = confirmation.bootstrap
    if bootstrap is not None:
        told.append(
            f"test {confirmation.metric} of {leader.entrant.name} {bootstrap.score:.2f}, of the "
            f"baseline {bootstrap.score_baseline:.2f} (one seed each; paired bootstrap over "
            f"{bootstrap.n_resamples} resamples: p = {bootstrap.p:.3f})"
        )
    return told


def _encoder(standing: Standing) -> str:
    """The baseline's layout; the others are called after theirs."""
    if standing.entrant.name != BASELINE:
        return ""
    return str(standing.entrant.candidate.encoder.canonical())


def _needed(rival: Standing, contest: Contest) -> str:
    n_seeds = contest.n_seeds_needed(rival)
    if n_seeds is None:
        return f"not separated from {rival.entrant.name}: too few seeds to tell"
    return (
        f"not separated from {rival.entrant.name}: a difference as large as the one seen would "
        f"take about {n_seeds} seeds a side"
    )
