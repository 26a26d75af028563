"""The name of a study's scores, and how they are defined."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from search.study.folder import StudyFolder
from search.study.trial_record import TrialRecord
from spaces.errors import UserError
from trainable.data.manifest import Manifest
from trainable.tasks.registry import metric_called


def score_name(records: Iterable[TrialRecord]) -> str:
    """Name of the metric for headings; "score" before the first trial."""
    return next((record.metric for record in records), "score")


def study_signature(manifest: Manifest | None, metric: str, version: str | None) -> str:
    """Signature of the scores, with the version of sacreBLEU that the study ran on.

    Args:
        manifest: of the study's data; None if they are gone.
        metric: name of the scores.
    """
    if manifest is not None and manifest.metric is not None and manifest.metric.name == metric:
        signed = manifest.metric.signature
    else:
        known = metric_called(metric)
        if known is None:
            return "not known to this version"
        signed = known.signature
    return re.sub(r"version:[^|]*", f"version:{version}", signed) if version else signed


def signature_of(folder: StudyFolder, metric: str) -> str:
    """Signature of the scores of the study in ``folder``."""
    try:
        manifest = Manifest.load(Path(folder.data()))
    except UserError:  # the data are gone
        manifest = None
    return study_signature(manifest, metric, folder.versions().get("sacrebleu"))
