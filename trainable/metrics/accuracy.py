"""Accuracy and macro-F1 of labels, in percent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from trainable.metrics.metric import Metric, PairedBootstrap
from trainable.metrics.resampling import paired_bootstrap


class _LabelMetric(Metric):
    """A score of predicted labels; the order of the examples does not matter."""

    def paired_bootstrap(
        self, outputs: Sequence[str], baseline: Sequence[str], references: Sequence[str]
    ) -> PairedBootstrap:
        """Run the paired bootstrap over sentences, by sacreBLEU's procedure."""
        return paired_bootstrap(self.score, outputs, baseline, references)


class Accuracy(_LabelMetric):
    """Share of right labels, 0 to 100."""

    name = "accuracy"
    signature = "accuracy|percent of sentences with the right label"

    def score(self, outputs: Sequence[str], references: Sequence[str]) -> float:
        right = sum(map(str.__eq__, outputs, references))
        return 100 * right / len(references)


class MacroF1(_LabelMetric):
    """Mean over the labels of their F1, 0 to 100.

    The labels are those of outputs and references together; a label without a right output
    has an F1 of 0, as in scikit-learn.
    """

    name = "macro-F1"
    signature = "macro-F1|percent|mean over the labels of outputs and references"

    def score(self, outputs: Sequence[str], references: Sequence[str]) -> float:
        given, wanted = Counter(outputs), Counter(references)
        right = Counter(
            output for output, ref in zip(outputs, references, strict=True) if output == ref
        )
        labels = given.keys() | wanted.keys()
        return 100 * sum(2 * right[x] / (given[x] + wanted[x]) for x in labels) / len(labels)


ACCURACY = Accuracy()
MACRO_F1 = MacroF1()
