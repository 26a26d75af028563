"""What the references score as answers to other examples: text that ignores its input."""

from __future__ import annotations

from pathlib import Path

from trainable.data.manifest import Manifest
from trainable.data.metric import metric_of_data


def mismatched_score(folder: Path, metric: str) -> float:
    """Score of the validation references, each taken as the output for another example.

    0 where the metric needs what is not installed, and where the references are not there.

    Args:
        folder: prepared data of translations or summaries.
        metric: BLEU, chrF, spBLEU or ROUGE-L.

    Raises:
        UserError: the folder has no manifest.
    """
    manifest = Manifest.load(folder)
    judge = metric_of_data(manifest, metric)
    try:
        text = (folder / f"valid.raw.{manifest.sides[1]}").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return 0.0
    references = text.split("\n")[:-1]
    half = len(references) // 2
    if not half or not judge.is_at_hand:
        return 0.0
    return judge.score(references[half:] + references[:half], references)
