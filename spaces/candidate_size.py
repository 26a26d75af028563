"""What is known of a candidate's model before it trains."""

from __future__ import annotations

from dataclasses import dataclass

from spaces.counts import ParamCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateSize:
    """The size of one candidate's model on one corpus."""

    counts: ParamCounts
    training_flops: float  # for each target token
