"""Savings and losses of a study's proxy, estimated from its trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from search.stats.prediction import RankCorrelation, rank_correlation
from search.study.config import StudyConfig
from search.study.ranking import best_trial
from search.study.trial_record import TrialRecord
from search.suggest.suggestion_marks import AUDITED, DISCARDED, PROXY
from search.suggest.suggestions import Suggestions


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyTally:
    """Numbers of candidates by verdict, and objectives of the best trials."""

    measure: str
    n_measured: int
    n_discarded: int
    n_audited: int  # outside the share to keep, and trained all the same
    seconds: float  # total time of measuring
    saved: float  # on the objective's clock, at the mean cost of the ended trials
    best: float | None  # objective of the best trial
    best_audited: float | None  # objective of the best audited trial
    correlation: RankCorrelation | None  # measure and AUCC, over completed trials

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def tally_proxy(
    config: StudyConfig, records: Sequence[TrialRecord], suggestions: Suggestions
) -> ProxyTally | None:
    """The tally of a study; None where it has no proxy."""
    if config.search.proxy is None:
        return None
    marks = [trial.user_attrs for trial in suggestions.trials if PROXY in trial.user_attrs]
    audited_numbers = {t.number for t in suggestions.trials if AUDITED in t.user_attrs}
    audited = [record for record in records if record.optuna_number in audited_numbers]
    n_discarded = sum(DISCARDED in attrs for attrs in marks)
    ended = [record.clock for record in records if record.state in ("completed", "stopped")]
    completed = [r for r in records if r.state == "completed" and r.aucc is not None]
    best, best_audited = (best_trial(group, config.objective) for group in (list(records), audited))
    return ProxyTally(
        measure=config.search.proxy.measure,
        n_measured=len(marks),
        n_discarded=n_discarded,
        n_audited=len(audited),
        seconds=sum(attrs[PROXY]["seconds"] for attrs in marks),
        saved=n_discarded * sum(ended) / len(ended) if ended else 0.0,
        best=None if best is None else best.objective,
        best_audited=None if best_audited is None else best_audited.objective,
        correlation=rank_correlation(
            [record.proxy for record in completed], [record.aucc or 0.0 for record in completed]
        ),
    )


def in_words(tally: ProxyTally, config: StudyConfig) -> list[str]:
    """The tally as sentences."""
    clock = config.objective.clock
    saved = (
        f"proxy {tally.measure}: {tally.n_discarded} of {tally.n_measured} candidates measured "
        f"were discarded before training, which saved about {tally.saved:,.0f} {clock}; "
        f"measuring took {tally.seconds:,.1f} s"
    )
    return [saved, _lost(tally), _predicts(tally.correlation)]


def _predicts(correlation: RankCorrelation | None) -> str:
    if correlation is None:
        return "too few trials were completed to tell whether the measure predicts the AUCC"
    return (
        f"rank correlation of the measure with the AUCC: {correlation.rho:+.2f} (95 %: "
        f"{correlation.low:+.2f} to {correlation.high:+.2f}, {correlation.n_trials} trials)"
    )


def _lost(tally: ProxyTally) -> str:
    if not tally.n_discarded:
        return "nothing was discarded, so nothing was lost"
    if tally.best_audited is None or tally.best is None:
        return (
            "what was lost is not known: none of those it spoke against was trained to its end "
            "(search.proxy.audit)"
        )
    trained = f"{tally.n_audited} of those it spoke against were trained all the same"
    if tally.best_audited >= tally.best:
        return f"{trained}, and one of them is the best trial: it discards good layouts"
    share = 1 - tally.best_audited / tally.best if tally.best else 0.0
    return f"{trained}; the best of them came out {share:.1%} below the best trial"
