"""Whether the curves of two studies compare: equal settings and equal data."""

from __future__ import annotations

from pathlib import Path

from search.study.config import StudyConfig
from trainable.data.manifest import Manifest

# What must be equal for curves to be compared.
_SETTINGS = ("model", "train", "validation", "budget", "ranks", "objective")


def other_settings(config: StudyConfig, study: StudyConfig) -> list[str]:
    """The tables, of those that decide a candidate's curve and its worth, that differ."""
    return [name for name in _SETTINGS if getattr(config, name) != getattr(study, name)]


def corpus_digest(data: Path) -> str:
    """Equal for equal prepared data, whoever prepared them."""
    return Manifest.load(data).digest
