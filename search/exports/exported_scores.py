"""The scores of an export, as its file ``scores.json`` has them."""

from __future__ import annotations

from typing import Annotated

from pydantic import AliasChoices, BaseModel, ConfigDict, Field


class ExportedScores(BaseModel):
    """Scores on the whole evaluation sets; losses in bits per target.

    Exports of earlier versions are of translation, decoded with a beam of 5.
    """

    model_config = ConfigDict(frozen=True)

    metric: str = "BLEU"
    decoding: str = "beam 5"  # how the outputs were made, in words
    n_updates: int  # that the weights are of
    trained_in_full: bool
    score_valid: Annotated[float, Field(validation_alias=AliasChoices("score_valid", "bleu_valid"))]
    score_test: Annotated[float, Field(validation_alias=AliasChoices("score_test", "bleu_test"))]
    loss_valid: float
    loss_test: float
    signature: str
