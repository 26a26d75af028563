"""Comparability of the curves of two studies: equal settings and equal data."""

from __future__ import annotations

from pathlib import Path

from search.study.config import StudyConfig
from trainable.data.manifest import Manifest

# Tables of a study file that must be equal for curves to be compared.
_SETTINGS = ("model", "train", "validation", "budget", "ranks", "objective")


def other_settings(config: StudyConfig, study: StudyConfig) -> list[str]:
    """Names of the tables that differ, among those that decide a candidate's objective."""
    return [name for name in _SETTINGS if getattr(config, name) != getattr(study, name)]


def corpus_digest(data: Path) -> str:
    """Digest of prepared data: equal for equal data, wherever they were prepared.

    Raises:
        UserError: the folder holds no prepared data.
    """
    return Manifest.load(data).digest
