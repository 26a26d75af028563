"""Settings that differ between the trials of a study, beside the layout."""

from __future__ import annotations

from collections.abc import Mapping

from search.study.config import StudyConfig
from search.study.trial_record import TrialRecord
from spaces.axes import n_values
from spaces.constraints import GAIN


def varied_settings(config: StudyConfig) -> list[str]:
    """Dotted names of the settings, as ``train.lr``."""
    axes = {GAIN: config.space.reservoir_gain, **config.space.hyper}
    return [
        f"model.{name}" if name == GAIN else name
        for name, axis in axes.items()
        if n_values(axis) != 1
    ]


def short_names(config: StudyConfig) -> Mapping[str, str]:
    """Last part of each of these names, as ``lr``."""
    return {name: name.rpartition(".")[2] for name in varied_settings(config)}


def setting_text(record: TrialRecord, name: str) -> str:
    """Value of a trial's setting for a reader."""
    value = record.config.setting(name)
    if value is None:
        return "none"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def settings_texts(config: StudyConfig, record: TrialRecord) -> list[str]:
    """The trial's varied settings, as ``lr=0.003``."""
    return [f"{short}={setting_text(record, name)}" for name, short in short_names(config).items()]
