"""References of a study: Model 0 at each searched depth, and the winner's deletion.

A winner without reservoirs has none: then it is that of the best trial with reservoirs.

They are trained beside the search to compare with. What the space has anyway can win; a layout
that the search itself trained to its end is taken and not trained again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from search.study.config import StudyConfig
from search.study.first_layouts import first_settings
from search.study.ranking import ranked
from search.study.trained_candidate import candidate_of
from search.study.trial_record import Role, TrialRecord
from spaces.candidate import Candidate
from spaces.layout import Layer, Layout, without_reservoirs


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A trial to compare with, in whatever state it is."""

    role: Role
    of: int | None  # id of the trial whose deletion it is; None for Model 0
    trial: TrialRecord

    @property
    def is_whole(self) -> bool:
        """True if it has a whole curve, and so an AUCC that compares."""
        return self.trial.state == "completed"

    def to_dict(self) -> dict[str, object]:
        """The fields of ``show --json``."""
        return {"role": self.role, "of": self.of, "trial": self.trial.summary()}


def model0_layout(depth: int) -> Layout:
    """The encoder of Model 0: ``depth`` learned layers, none of which share."""
    return Layout.parse(f"(L)*{depth}")


def is_model0(candidate: Candidate, depth: int) -> bool:
    """True if the candidate is Model 0 of ``depth``, with any settings."""
    decoder = Layout((Layer("L"),) * candidate.decoder.depth)
    return candidate.encoder == model0_layout(depth) and candidate.decoder == decoder


def model0_candidates(config: StudyConfig) -> list[Candidate]:
    """Model 0 at each depth of the space.

    Every other axis has its first value, as in ``search.first``; the decoder has no reservoirs.
    """
    space = config.space
    return [
        Candidate(
            encoder=model0_layout(depth),
            decoder=Layout((Layer("L"),) * space.first_decoder.depth),
            reservoir_gain=1.0,
            hyper=first_settings(space),
        )
        for depth in sorted(set(space.encoder_stack.depths))
    ]


def deletion_of(candidate: Candidate) -> Candidate | None:
    """The candidate without its reservoirs; None if it has none, or no learned layer is left.

    Learned layers that share go on sharing, and all settings stay.
    """
    encoder = without_reservoirs(candidate.encoder)
    decoder = without_reservoirs(candidate.decoder)
    if not candidate.has_reservoirs or encoder is None or decoder is None:
        return None
    return Candidate(encoder=encoder, decoder=decoder, reservoir_gain=1.0, hyper=candidate.hyper)


def deletion_of_trial(config: StudyConfig, record: TrialRecord) -> Candidate | None:
    """The candidate of a trial without its reservoirs; see ``deletion_of``."""
    return deletion_of(candidate_of(record.config, config.space))


def best_with_reservoirs(config: StudyConfig, records: Sequence[TrialRecord]) -> TrialRecord | None:
    """The best trial so far that has reservoirs; of a ``pareto`` study that with most AUCC."""
    best_first = ranked(records, config.objective)
    return next((record for record in best_first if record.has_reservoirs), None)


def winners_deletion(config: StudyConfig, records: Sequence[TrialRecord]) -> Candidate | None:
    """The deletion of the best trial so far, or if that has no reservoirs, of the best with some.

    None where no trial has reservoirs, or the best of them nothing else.
    """
    best = best_with_reservoirs(config, records)
    return None if best is None else deletion_of_trial(config, best)


def references_of(config: StudyConfig, records: Sequence[TrialRecord]) -> list[Reference]:
    """The study's references that have a trial: Model 0 by rising depth, then the deletion.

    None with ``search.references = false``.
    """
    if not config.search.references:
        return []
    found = _model0_references(config, records)
    best = best_with_reservoirs(config, records)
    deletion = None if best is None else deletion_of_trial(config, best)
    trial = None if deletion is None else _first_of(records, deletion.key)
    if best is not None and trial is not None:
        found.append(Reference(role="deletion", of=best.id, trial=trial))
    return found


def _model0_references(config: StudyConfig, records: Sequence[TrialRecord]) -> list[Reference]:
    trials = (_first_of(records, candidate.key) for candidate in model0_candidates(config))
    return [Reference(role="model0", of=None, trial=trial) for trial in trials if trial is not None]


def _first_of(records: Sequence[TrialRecord], key: str) -> TrialRecord | None:
    return next((record for record in records if record.key == key), None)


@dataclass(frozen=True, slots=True)
class Model0s:
    """The study's completed Model 0s, by depth of the encoder."""

    by_depth: Mapping[int, TrialRecord]

    @classmethod
    def of(cls, config: StudyConfig, records: Sequence[TrialRecord]) -> Model0s:
        """The completed ones among the study's records; none with ``search.references = false``."""
        found = _model0_references(config, records) if config.search.references else []
        return cls({each.trial.encoder.depth: each.trial for each in found if each.is_whole})

    def aucc_ratio(self, record: TrialRecord) -> float | None:
        """The trial's AUCC divided by that of Model 0 of its depth, or of the only one.

        None if the trial is not completed, or there is no such Model 0.
        """
        only = next(iter(self.by_depth.values())) if len(self.by_depth) == 1 else None
        return aucc_ratio(record, self.by_depth.get(record.encoder.depth, only))


def aucc_ratio(record: TrialRecord, other: TrialRecord | None) -> float | None:
    """AUCC of a trial divided by another's; None unless both are completed and the other's > 0."""
    if other is None or not other.aucc or record.aucc is None:
        return None
    is_whole = record.state == other.state == "completed"
    return record.aucc / other.aucc if is_whole else None
