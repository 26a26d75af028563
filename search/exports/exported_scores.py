"""Scores of an export, as written to its file ``scores.json``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

SCORES = "scores.json"  # file name in an export


class FurtherScores(BaseModel):
    """Scores by a metric that the search did not use."""

    model_config = ConfigDict(frozen=True)

    score_valid: float
    score_test: float
    signature: str


class ExportedScores(BaseModel):
    """Scores on the whole evaluation sets; losses in bits per target.

    Exports of earlier versions are of translation, decoded with a beam of 5.
    """

    model_config = ConfigDict(frozen=True)

    metric: str = "BLEU"
    decoding: str = "beam 5"  # name of the decoding
    n_updates: int  # update of the weights
    trained_in_full: bool
    score_valid: Annotated[float, Field(validation_alias=AliasChoices("score_valid", "bleu_valid"))]
    score_test: Annotated[float, Field(validation_alias=AliasChoices("score_test", "bleu_test"))]
    loss_valid: float
    loss_test: float
    signature: str
    further: Mapping[str, FurtherScores] = {}  # by the name of the metric
