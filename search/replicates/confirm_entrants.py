"""Entrants of ``confirm``: the best candidates, their deletions, other layouts, the baseline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from search.replicates.entrant import Entrant
from search.study.config import StudyConfig
from search.study.first_layouts import first_settings
from search.study.ranking import ranked
from search.study.references import deletion_of, model0_layout
from search.study.trained_candidate import candidate_of
from search.study.trial_record import TrialRecord
from spaces.candidate import Candidate
from spaces.errors import UserError
from spaces.layout import Layout
from spaces.presets import resolve_layout

BASELINE = "baseline"
DELETION = "deletion of"  # before the place of the candidate whose deletion an entrant is
OWN = "own settings"  # behind the name of an entrant whose settings are not the best candidate's


def confirm_entrants(
    config: StudyConfig,
    records: Sequence[TrialRecord],
    *,
    n_best: int,
    baseline: str | None,
    against: Sequence[str],
) -> tuple[Entrant, ...]:
    """The study's best candidates and the layouts to compare them with, the baseline last.

    Beside the best candidates' settings a layout to compare with gets its own, where these are
    others: those of the study's best trial of it, or without one the first values of the space, as
    Model 0 has them. What suits the winner need not suit it.

    Args:
        records: the study's trials.

    Raises:
        UserError: no trial is completed, or a text is no layout.
    """
    best_first = ranked(records, config.objective)
    if not best_first:
        raise UserError(f"study {config.name}: no trial is completed yet; let it run on")
    candidates = {record.key: candidate_of(record.config, config.space) for record in best_first}
    best = list(candidates.values())[:n_best]
    control = _with_encoder(best[0], _baseline(best[0], baseline))
    entrants = [
        Entrant(name=f"{place}: {candidate.encoder.canonical()}", candidate=candidate)
        for place, candidate in enumerate(best, start=1)
    ]
    for place, candidate in enumerate(best, start=1):
        deletion = deletion_of(candidate) if config.search.references else None
        if deletion is not None:
            name = f"{DELETION} {place}: {deletion.encoder}"
            entrants += _both_settings(name, deletion, config, best_first)
    for text in against:
        other = _with_encoder(best[0], resolve_layout(text))
        entrants += _both_settings(text, other, config, best_first)
    entrants += reversed(list(_both_settings(BASELINE, control, config, best_first)))
    return tuple(_each_once(entrants))


def _baseline(best: Candidate, text: str | None) -> Layout:
    """Layout of ``text``, or without one Model 0 of the best candidate's depth."""
    return model0_layout(best.encoder.depth) if text is None else resolve_layout(text)


def _with_encoder(candidate: Candidate, encoder: Layout) -> Candidate:
    """Candidate with another encoder, otherwise unchanged."""
    has_reservoirs = encoder.n_reservoirs + candidate.decoder.n_reservoirs > 0
    gain = candidate.reservoir_gain if has_reservoirs else 1.0
    return replace(candidate, encoder=encoder, reservoir_gain=gain)


def _both_settings(
    name: str, candidate: Candidate, config: StudyConfig, best_first: Sequence[TrialRecord]
) -> Iterator[Entrant]:
    """The candidate as it is, and with its own settings."""
    yield Entrant(name=name, candidate=candidate)
    own = next(
        (
            candidate_of(record.config, config.space).hyper
            for record in best_first
            if record.encoder == candidate.encoder.canonical()
            and record.decoder == candidate.decoder.canonical()
        ),
        first_settings(config.space),
    )
    yield Entrant(name=f"{name}, {OWN}", candidate=replace(candidate, hyper=own))


def _each_once(entrants: Sequence[Entrant]) -> Iterator[Entrant]:
    """Entrants without repeats, of which the first is kept, but the last entrant always is."""
    taken = {entrants[-1].candidate.key}
    for entrant in entrants[:-1]:
        if entrant.candidate.key not in taken:
            taken.add(entrant.candidate.key)
            yield entrant
    yield entrants[-1]
