"""What the references score as answers to other examples: text that ignores its input."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from trainable.data.manifest import Manifest
from trainable.data.metric import metric_of_data
from trainable.metrics.metric import Metric


def score_of_others(references: Sequence[str], metric: Metric) -> float | None:
    """Score of ``references``, each taken as the output for another example.

    None where the metric needs what is not installed, and for less than two.
    """
    half = len(references) // 2
    if not half or not metric.is_at_hand:
        return None
    return metric.score([*references[half:], *references[:half]], references)


def mismatched_score(folder: Path, metric: str) -> float:
    """Score of the validation references, each taken as the output for another example.

    The manifest has that of the data's own metric, unless an earlier version prepared them. 0 where
    the metric needs what is not installed, and where the references are not there.

    Args:
        folder: prepared data of translations or summaries.
        metric: BLEU, chrF, spBLEU or ROUGE-L.

    Raises:
        UserError: the folder has no manifest.
    """
    manifest = Manifest.load(folder)
    is_own = manifest.metric is not None and metric == manifest.metric.name
    if is_own and manifest.mismatched_score is not None:
        return manifest.mismatched_score
    judge = metric_of_data(manifest, metric)
    try:
        text = (folder / f"valid.raw.{manifest.sides[1]}").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return 0.0
    return score_of_others(text.split("\n")[:-1], judge) or 0.0
