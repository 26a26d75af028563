"""Settings of the space, beside the layout, for a reader."""

from __future__ import annotations

from collections.abc import Callable

from search.study.config import StudyConfig
from search.study.trial_record import TrialRecord
from search.study.varied_settings import settings_texts, short_names, varied_settings
from trainable.config import ModelConfig, TrainConfig


def test_a_short_name_is_the_last_part_of_a_settings_own_and_no_two_share_it(
    tiny_study: Callable[..., StudyConfig],
):
    hyper = {"train.lr": [1e-3, 4e-3], "model.dropout": [0.0, 0.1]}
    config = tiny_study(space={"depth": 2, "reservoir_gain": [0.5, 1.0], "hyper": hyper})
    names = ["model.reservoir_gain", "train.lr", "model.dropout"]
    assert varied_settings(config) == names
    assert list(short_names(config).values()) == ["reservoir_gain", "lr", "dropout"]
    assert short_names(tiny_study()) == {}
    assert not ModelConfig.model_fields.keys() & TrainConfig.model_fields.keys()


def test_a_setting_that_is_switched_off_is_none(
    tiny_study: Callable[..., StudyConfig], make_record: Callable[..., TrialRecord]
):
    hyper = {"train.clip_norm": ["none", 1.0]}
    config = tiny_study(space={"depth": 2, "hyper": hyper})
    record = make_record(0)
    train = record.config.train.model_copy(update={"clip_norm": None})
    record = make_record(0, config=record.config.model_copy(update={"train": train}))
    assert settings_texts(config, record) == ["clip_norm=none"]
