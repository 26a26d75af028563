"""The metric of prepared data."""

from __future__ import annotations

from trainable.data.manifest import Manifest
from trainable.metrics.bleu import BLEU
from trainable.metrics.by_language import metric_by_name
from trainable.metrics.metric import Metric


def metric_of_data(manifest: Manifest, name: str | None = None) -> Metric:
    """The metric that a manifest asks for, or the metric ``name`` for its outputs.

    Data of earlier versions have BLEU with sacreBLEU's tokenizer 13a, whatever the language.
    """
    info = manifest.metric
    if info is None and name in (None, BLEU.name):
        return BLEU
    own = name is None or (info is not None and name == info.name)
    return metric_by_name(
        name or (BLEU.name if info is None else info.name),
        language=manifest.sides[1],
        tokenizer=info.bleu_tokenizer if own and info is not None else None,
        cased=not manifest.tokenizer.lower_case,
    )
