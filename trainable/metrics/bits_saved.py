"""Bits that a language model saves of a token, as its score."""

from __future__ import annotations

from collections.abc import Sequence

from trainable.metrics.metric import Metric, PairedBootstrap
from trainable.metrics.resampling import paired_bootstrap


class BitsSaved(Metric):
    """Mean number of bits saved of a masked token, over a code of one length for all words.

    The code takes log2 V bits, with V entries of the dictionary; the model takes its surprisal,
    -log2 of the token's probability. A model that knows nothing saves 0, and one that is worse
    than that counts as 0. The greatest score is log2 V.

    An output is the bits saved of each masked token of a sentence, with spaces between them.
    """

    name = "bits saved"
    signature = "bits saved|per masked token|log2 of the dictionary's entries less the surprisal"

    def score(self, outputs: Sequence[str], references: Sequence[str]) -> float:
        """The score of a whole set; the references are not used."""
        bits = [float(number) for output in outputs for number in output.split()]
        return max(0.0, sum(bits) / len(bits)) if bits else 0.0

    def paired_bootstrap(
        self, outputs: Sequence[str], baseline: Sequence[str], references: Sequence[str]
    ) -> PairedBootstrap:
        """Run the paired bootstrap over sentences, by sacreBLEU's procedure."""
        return paired_bootstrap(self.score, outputs, baseline, references)


BITS_SAVED = BitsSaved()
