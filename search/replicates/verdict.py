"""The verdict of ``confirm`` in sentences: the winner, and what its reservoirs are good for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from search.replicates.contest import DECIDING, Contest
from search.replicates.standing import Standing
from search.stats.significance import SIGNIFICANCE, Comparison
from search.study.references import deletion_of

if TYPE_CHECKING:
    from search.replicates.confirm import Confirmation

_CONFIDENCE = f"{1 - SIGNIFICANCE:.0%}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservoirLead:
    """An entrant with reservoirs against its deletion, or against the leader that has none."""

    standing: Standing
    other: Standing  # the better of the deletions, or the leader
    lead: Comparison  # of ``standing`` in the deciding measure


def verdict(confirmation: Confirmation) -> list[str]:
    """Sentences that name the winner, or say why there is none; the first is the headline."""
    contest = confirmation.contest
    return [
        *_winner(contest),
        *_kept_out(contest),
        *_reservoirs(contest),
        *_changed_plan(confirmation),
        *_test_scores(confirmation),
    ]


def reservoir_lead(contest: Contest) -> ReservoirLead | None:
    """The best entrant with reservoirs against its deletion, or without one against the leader.

    The leader is the best if it has some. Of a deletion's several settings the better counts.
    None where nothing is to be compared.
    """
    leader = contest.leader
    having = [
        standing
        for standing in (leader, *contest.compared)
        if standing.entrant.candidate.has_reservoirs and standing.values
    ]
    if not having:
        return None
    best = leader if leader in having else max(having, key=_mean)
    deletions = [other for other in contest.standings if _is_deletion(other, best)]
    others = deletions or ([] if best == leader else [leader])
    pair = (best, max(others, key=_mean)) if others else None
    lead = None if pair is None else contest.comparison(*pair, DECIDING)
    if pair is None or lead is None:
        return None
    return ReservoirLead(standing=pair[0], other=pair[1], lead=lead)


def _winner(contest: Contest) -> list[str]:
    leader, n_rivals = contest.leader, len(contest.compared)
    if contest.winner is not None:
        each = f"each of the {n_rivals} others" if n_rivals > 1 else "the other"
        return [
            (
                f"winner: {contest.winner.name}, significantly better than {each} in the study's "
                f"objective ({_test(contest)}; p below {contest.level:.2g}, which keeps the "
                f"error below {SIGNIFICANCE:.0%})"
            )
        ]
    if not leader.can_win:
        return ["no winner: no entrant completed all its seeds within the study's bounds"]
    if not contest.compared:
        return [f"no winner: there is no other entrant to compare {leader.entrant.name} with"]
    if contest.n_seeds < contest.looks[0]:
        return [
            (
                f"no winner yet: {leader.entrant.name} leads; the first look is after "
                f"{contest.looks[0]} seeds of each entrant"
            )
        ]
    unbeaten = [rival for rival in contest.compared if not contest.is_beaten(rival)]
    return [
        f"no winner: {leader.entrant.name} leads, but not significantly ({_test(contest)})",
        *(_needed(rival, contest) for rival in unbeaten),
    ]


def _test(contest: Contest) -> str:
    """The test and its data."""
    look = contest.looks.index(contest.n_seeds) + 1
    looks = f", look {look} of {len(contest.looks)}" if len(contest.looks) > 1 else ""
    return f"{contest.tests[DECIDING]}; {contest.n_seeds} seeds{looks}"


def _needed(rival: Standing, contest: Contest) -> str:
    name, n_seeds = rival.entrant.name, contest.n_seeds_needed(rival)
    if n_seeds is not None:
        return (
            f"not significantly better than {name}: a difference of this size needs about "
            f"{n_seeds} seeds of each"
        )
    if rival.n_failed:
        return f"not better than {name} on the seeds that this completed"
    return f"not significantly better than {name}: too few seeds"


def _kept_out(contest: Contest) -> list[str]:
    """Entrants that could not win whatever their values."""
    failed = [
        f"{standing.entrant.name} failed with {standing.n_failed} of "
        f"{standing.n_seeds + standing.n_failed} seeds, so it can't win"
        for standing in contest.standings
        if standing.n_failed
    ]
    outside = [
        f"{standing.entrant.name} can't win: {standing.broken_bound}"
        for standing in contest.standings
        if standing.broken_bound
    ]
    return [*failed, *outside]


def _reservoirs(contest: Contest) -> list[str]:
    """Sentence on what reservoirs gain, with an interval; empty where none are compared."""
    leader = contest.leader
    found = reservoir_lead(contest)
    if found is None:
        having = [s for s in (leader, *contest.compared) if s.entrant.candidate.has_reservoirs]
        if not having:
            return []
        why = "those with reservoirs have too few seeds in common with the others"
        if leader in having:
            why = "the leader's deletion has too few seeds"
            if deletion_of(leader.entrant.candidate) is None:
                why = "of a stack without learned layers nothing is left without its reservoirs"
        return [f"reservoirs: whether they earned their place is open: {why}"]
    name, other = found.standing.entrant.name, found.other.entrant.name
    size = f"{_relative(found.lead, found.other)} of the objective"
    if _is_deletion(found.other, found.standing):
        what = f"without them {name} is {other}; with them, it has {size}"
    else:
        what = f"the leader, {other}, has none; with them, {name} has {size}"
    leads = (
        ""
        if found.standing == leader or found.other == leader
        else (f"; the leader, {leader.entrant.name}, has none")
    )
    return [f"reservoirs {_judged(found.lead)}: {what}{leads}"]


def _judged(lead: Comparison) -> str:
    if lead.low > 0:
        return "earned their place"
    return "did not earn their place" if lead.high < 0 else "have not shown that they help"


def _relative(lead: Comparison, other: Standing) -> str:
    """A difference and its interval, as shares of the other's mean if that is not 0."""
    mean = other.values[DECIDING].mean
    if mean == 0:
        return (
            f"{lead.difference:+.4g} ({_CONFIDENCE} interval {lead.low:+.4g} to {lead.high:+.4g})"
        )
    ends = (lead.difference, lead.low, lead.high)
    difference, low, high = (f"{value / mean:+.1%}" for value in ends)
    return f"{difference} ({_CONFIDENCE} interval {low} to {high})"


def _changed_plan(confirmation: Confirmation) -> list[str]:
    before = confirmation.n_seeds_before
    if before is None:
        return []
    n_now = confirmation.contest.looks[-1]
    return [
        (
            f"the number of seeds was changed from {before} to {n_now} after a look at the "
            f"results: the error can be above {SIGNIFICANCE:.0%}"
        )
    ]


def _test_scores(confirmation: Confirmation) -> list[str]:
    bootstrap = confirmation.bootstrap
    if bootstrap is None:
        return []
    return [
        (
            f"test {confirmation.metric} of {confirmation.contest.leader.entrant.name} "
            f"{bootstrap.score:.2f}, of the baseline {bootstrap.score_baseline:.2f} (one seed "
            f"each; paired bootstrap over {bootstrap.n_resamples} resamples: "
            f"p = {bootstrap.p:.3f})"
        )
    ]


def _is_deletion(standing: Standing, other: Standing) -> bool:
    """True if ``standing`` is the other without its reservoirs, with whatever settings."""
    deletion = deletion_of(other.entrant.candidate)
    candidate = standing.entrant.candidate
    return (
        deletion is not None
        and standing.n_seeds > 0
        and candidate.encoder.canonical() == deletion.encoder.canonical()
        and candidate.decoder.canonical() == deletion.decoder.canonical()
    )


def _mean(standing: Standing) -> float:
    return standing.values[DECIDING].mean if standing.values else float("-inf")
