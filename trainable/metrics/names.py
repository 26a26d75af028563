"""Names of metrics of translations and summaries, and of sacreBLEU's tokenizers."""

from __future__ import annotations

from typing import Literal, get_args

MetricName = Literal["BLEU", "chrF", "spBLEU"]
DataMetric = Literal[MetricName, "ROUGE-L"]  # of summaries
BleuTokenizer = Literal[
    "13a", "intl", "zh", "ja-mecab", "ko-mecab", "char", "flores101", "flores200", "none"
]
METRIC_NAMES: tuple[MetricName, ...] = get_args(MetricName)
