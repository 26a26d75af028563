"""Parameter and FLOP counts of a candidate, known before training."""

from __future__ import annotations

from dataclasses import dataclass

from spaces.counts import ParamCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateSize:
    """The size of one candidate's model on one corpus."""

    counts: ParamCounts
    training_flops: float  # forward and backward FLOPs per target token
