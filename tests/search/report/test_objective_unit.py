from __future__ import annotations

from typing import Any

import pytest

from search.report.objective_words import objective_unit
from trainable.config import ObjectiveConfig


@pytest.mark.parametrize(
    ("settings", "unit"),
    [
        ({}, "BLEU × updates / M parameters"),
        ({"name": "aucc", "clock": "seconds"}, "BLEU × minutes"),
        ({"name": "score"}, "BLEU"),
        ({"name": "loss"}, "bits per target"),
        ({"name": "mparams_total"}, "M parameters"),
        ({"name": "score - mparams_total"}, None),
        ({"name": "pareto"}, "BLEU × updates"),
    ],
)
def test_an_objective_has_its_unit(settings: dict[str, Any], unit: str | None):
    assert objective_unit(ObjectiveConfig(**settings), "BLEU") == unit
