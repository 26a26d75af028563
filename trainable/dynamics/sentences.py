"""The sentences on which an encoder's dynamics are measured."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from spaces.errors import UserError
from trainable.corpus import Corpus

SHORTEST = 2  # tokens, the end of the sentence included: one token has no spread


def validation_sentences(corpus: Corpus, n_sentences: int) -> list[Tensor]:
    """Source sentences of the validation set as tokens, evenly spaced over it; without padding.

    All of them where there are not so many.

    Raises:
        UserError: none is long enough.
    """
    dataset = corpus.split("valid")
    long_enough = np.flatnonzero(np.asarray(dataset.src_sizes) >= SHORTEST)
    if not len(long_enough):
        raise UserError(f"{corpus.folder}: no validation sentence has two tokens; give other data")
    n_chosen = min(n_sentences, len(long_enough))
    places = np.linspace(0, len(long_enough) - 1, n_chosen).round().astype(int)
    return [dataset[int(index)]["source"] for index in long_enough[places]]
