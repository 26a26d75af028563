"""Objectives from curves: each quantity by hand, expressions, and directions."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from spaces.counts import ParamCounts
from spaces.expression import ExpressionError
from trainable.config import Budget, ObjectiveConfig, TrialConfig
from trainable.curve import Point
from trainable.objective import _VALUES, Progress, objective_value, objective_values
from trainable.quantities import QUANTITIES


def point(updates: int, score: float, loss: float) -> Point:
    return Point(
        updates=updates,
        seconds=updates / 2,
        tokens=10 * updates,
        flops=1e9 * updates,
        score=score,
        loss=loss,
        train_loss=loss,
    )


PROGRESS = Progress(
    curve=[point(4, 2.0, 8.0), point(8, 10.0, 5.0), point(12, 9.0, 6.0)],
    aucc=66.0,
    counts=ParamCounts(total=2_000_000, learned=1_500_000, stored=1_250_000, encoder=500_000),
)
BY_HAND = {
    "aucc": 66.0,
    "score": 10.0,
    "last_score": 9.0,
    "score_at": 4.0,  # a quarter of the way from 2 to 10
    "loss": 5.0,
    "last_loss": 6.0,
    "seconds": 6.0,
    "updates": 12.0,
    "tokens": 120.0,
    "flops": 12e9,
    "mparams_total": 2.0,
    "mparams_learned": 1.5,
    "mparams_stored": 1.25,
    "mparams_encoder": 0.5,
}


def objective(name: str) -> ObjectiveConfig:
    return ObjectiveConfig(name=name, at=5.0 if "score_at" in name else None)


def test_every_quantity_has_a_value():
    assert _VALUES.keys() == QUANTITIES.keys() == BY_HAND.keys()


@pytest.mark.parametrize("name", BY_HAND)
def test_a_quantity_is_what_the_hand_finds(name: str):
    assert objective_value(objective(name), PROGRESS) == pytest.approx(BY_HAND[name])


@pytest.mark.parametrize(("at", "score"), [(2.0, 1.0), (4.0, 2.0), (12.0, 9.0), (20.0, 9.0)])
def test_the_score_at_a_time_begins_at_0_and_holds_the_last(at: float, score: float):
    config = ObjectiveConfig(name="score_at", at=at)
    assert objective_value(config, PROGRESS) == pytest.approx(score)


def test_an_expression_is_of_the_named_quantities():
    config = objective("score - 0.5 * mparams_total + max(last_loss, 1)")
    assert objective_value(config, PROGRESS) == 10.0 - 0.5 * 2.0 + 6.0
    assert not config.falls


def test_per_parameter_is_the_same_as_its_expression():
    named = ObjectiveConfig(parameters="learned")
    spelled = objective("aucc / mparams_learned")
    assert objective_value(named, PROGRESS) == objective_value(spelled, PROGRESS) == 66.0 / 1.5
    assert named.goals == spelled.goals


@pytest.mark.parametrize("name", ["1 / (score - 10)", "aucc * 1e308 * 1e10"])
def test_an_expression_without_a_finite_value_says_so(name: str):
    with pytest.raises(ExpressionError):
        objective_value(objective(name), PROGRESS)


def test_a_front_has_the_values_and_directions_of_its_objectives():
    config = ObjectiveConfig(name="pareto", of=("score", "flops", "aucc / seconds"))
    assert objective_values(config, PROGRESS) == (10.0, 12e9, 11.0)
    assert [goal.falls for goal in config.goals] == [False, True, False]
    assert not config.falls


@pytest.mark.parametrize(
    "settings",
    [
        {"name": "scores"},
        {"name": "score_at"},
        {"name": "score", "at": 3.0},
        {"name": "__import__('os')"},
        {"name": "pareto", "of": ("score",)},
        {"name": "pareto", "of": ("score", "score")},
        {"name": "aucc", "of": ("score", "loss")},
    ],
)
def test_settings_that_say_nothing_are_refused(settings: dict[str, object]):
    with pytest.raises(ValidationError):
        ObjectiveConfig.model_validate(settings)


def test_a_trial_s_settings_are_the_same_from_their_json():
    config = TrialConfig(
        data="d",
        budget=Budget(updates=12),
        objective=ObjectiveConfig(name="pareto", of=("score", "loss")),
    )
    assert TrialConfig.model_validate(config.model_dump(mode="json")) == config


@pytest.mark.parametrize("text", ["(score - 99) ** 0.5", "max(score, 10 ** 9) ** 99"])
def test_an_expression_without_a_finite_real_value_is_told(text: str) -> None:
    with pytest.raises(ExpressionError):
        objective_value(ObjectiveConfig(name=text), PROGRESS)


@pytest.mark.parametrize("text", ["[score]", "'score'", "score * 1j"])
def test_an_expression_that_is_no_number_is_no_objective(text: str) -> None:
    with pytest.raises(ValidationError):
        ObjectiveConfig(name=text)


def test_aucc_per_parameter_is_one_of_several_as_an_expression() -> None:
    with pytest.raises(ValidationError, match="as one of several write aucc / mparams_total"):
        ObjectiveConfig(name="pareto", of=("aucc_per_mparam", "score"))
