from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from trainable.config import ObjectiveConfig
from trainable.curve import Point

POINT = Point(updates=4, seconds=2.0, tokens=90, flops=1e6, score=31.5, loss=4.0, train_loss=5.0)


def test_a_point_survives_its_dictionary():
    assert Point.from_dict(POINT.to_dict()) == POINT


def test_a_point_of_an_earlier_version_has_its_score_as_bleu():
    values = POINT.to_dict()
    old = {("bleu" if name == "score" else name): value for name, value in values.items()}
    assert Point.from_dict(old) == POINT
    assert TypeAdapter(Point).validate_python(old) == POINT
    del old["bleu"]
    with pytest.raises(ValidationError, match="score"):
        Point.from_dict(old)


def test_the_lowest_score_of_an_earlier_study_file_is_min_bleu():
    objective = ObjectiveConfig.model_validate({"min_bleu": 20.0})
    assert objective == ObjectiveConfig(min_score=20.0)
    assert objective.model_dump()["min_score"] == 20.0
    with pytest.raises(ValidationError, match="min_bleu"):
        ObjectiveConfig.model_validate({"min_bleu": 101.0})
