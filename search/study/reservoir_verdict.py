"""The sentence that tells whether the winner's reservoirs earned their place."""

from __future__ import annotations

from collections.abc import Sequence

from search.study.config import StudyConfig
from search.study.ranking import best_trial
from search.study.references import (
    Model0s,
    aucc_ratio,
    best_with_reservoirs,
    deletion_of_trial,
)
from search.study.trial_record import TrialRecord

_NOISE = "one seed each; reservoir-search confirm tells noise from gain"


def reservoir_verdict(config: StudyConfig, records: Sequence[TrialRecord]) -> str | None:
    """The winner against the same layout without its reservoirs, as numbers in a sentence.

    None with ``search.references = false``, or without a winner.
    """
    best = best_trial(records, config.objective)
    if best is None or not config.search.references:
        return None
    if not best.has_reservoirs:
        return f"Reservoirs: {_without_reservoirs(config, records, best)}"
    return f"Reservoirs: {_against_deletion(config, records, best)}"


def verdict_on(
    config: StudyConfig, records: Sequence[TrialRecord], record: TrialRecord
) -> str | None:
    """What the references say of any trial: its AUCC over Model 0's, and what reservoirs did.

    None where they say nothing of it.
    """
    if not config.search.references:
        return None
    best = best_trial(records, config.objective)
    ratio = Model0s.of(config, records).aucc_ratio(record)
    over_model0 = f"{ratio:.3f} of the AUCC of Model 0" if ratio else None
    if best is not None and record.id == best.id and not record.has_reservoirs:
        reservoirs = reservoir_verdict(config, records)
    else:
        reservoirs = _over_deletion(config, records, record)
    return ". ".join(each for each in (over_model0, reservoirs) if each) or None


def _over_deletion(
    config: StudyConfig, records: Sequence[TrialRecord], record: TrialRecord
) -> str | None:
    """A trial with reservoirs against its deletion; None unless both have a whole curve."""
    deletion = _deletion(config, records, record) if record.has_reservoirs else None
    ratio = aucc_ratio(record, deletion)
    if deletion is None or ratio is None:
        return None
    return f"Reservoirs: {_compared(config, record, deletion, ratio)} ({_NOISE})"


def _deletion(
    config: StudyConfig, records: Sequence[TrialRecord], record: TrialRecord
) -> TrialRecord | None:
    candidate = deletion_of_trial(config, record)
    return next((each for each in records if candidate and each.key == candidate.key), None)


def _against_deletion(
    config: StudyConfig, records: Sequence[TrialRecord], best: TrialRecord
) -> str:
    candidate = deletion_of_trial(config, best)
    if candidate is None:
        return f"without them no layer of {_name(best)} is left, so there is nothing to compare"
    deletion = _deletion(config, records, best)
    layout = candidate.encoder.canonical()
    if deletion is None or deletion.state == "running":
        return f"{layout}, {_name(best)} without them, is not trained yet; resume trains it"
    ratio = aucc_ratio(best, deletion)
    if ratio is None:
        why = deletion.reason or "its AUCC is 0"
        return f"{layout}, {_name(best)} without them, gave no AUCC: {why}"
    return f"{_compared(config, best, deletion, ratio)} ({_NOISE})"


def _compared(config: StudyConfig, record: TrialRecord, deletion: TrialRecord, ratio: float) -> str:
    """A layout's AUCC, and its objective if that is another, over those of its deletion."""
    text = (
        f"the AUCC of {_name(record)} is {ratio:.3f} of that of {deletion.canonical}, the same "
        "layout without them"
    )
    if config.objective.name == "aucc_per_mparam" and record.objective and deletion.objective:
        text += f", and its objective {record.objective / deletion.objective:.3f}"
    return f"{text}: in AUCC they {_effect(ratio)}"


def _effect(ratio: float) -> str:
    if abs(ratio - 1) < 0.0005:
        return "changed nothing"
    return f"{'added' if ratio > 1 else 'cost'} {abs(ratio - 1):.1%}".replace("%", " %")


def _without_reservoirs(
    config: StudyConfig, records: Sequence[TrialRecord], best: TrialRecord
) -> str:
    other = best_with_reservoirs(config, records)
    if other is None:
        return "the winner has none, and no layout with them was completed within the bounds"
    text = f"the winner has none; the best layout with them is {_name(other)} (trial {other.id})"
    if best.objective and other.objective:
        text += f", {other.objective / best.objective:.3f} of the winner's objective"
    return f"{text}; {_against_deletion(config, records, other)}"


def _name(record: TrialRecord) -> str:
    """The encoder, with the decoder where that has reservoirs."""
    decoder = f" with decoder {record.decoder}" if record.decoder.n_reservoirs else ""
    return f"{record.canonical}{decoder}"
