"""Ray actor of a trial's rank other than rank 0, which calls it."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from trainable.atomic import write_for_the_owner
from trainable.checkpoint import Checkpoint
from trainable.config import TrialConfig
from trainable.curve import Point
from trainable.ranks import Ranks, join_ranks
from trainable.shipped_corpus import ShippedCorpus, with_data_here
from trainable.training import Training


class RankActor:
    """Actor that trains together with the other ranks; it stays alive between trials."""

    def __init__(
        self, rank: int, n_ranks: int, n_threads: int, corpus: ShippedCorpus | None
    ) -> None:
        write_for_the_owner()
        torch.set_num_threads(n_threads)
        self._rank, self._n_ranks, self._corpus = rank, n_ranks, corpus
        self._ranks: Ranks | None = None
        self._points: Iterator[Point] = iter(())

    def join(self, address: str, backend: str) -> None:
        """Connect to the other ranks of the trial, as ``join_ranks`` does."""
        self._ranks = join_ranks(
            rank=self._rank, n_ranks=self._n_ranks, address=address, backend=backend
        )

    def begin(self, config: TrialConfig, checkpoint: Checkpoint | None) -> None:
        """Prepare a trial, from its start or from a checkpoint."""
        assert self._ranks is not None
        self._points = iter(())  # frees the previous trial's model
        trial = with_data_here(config, self._corpus)
        self._points = Training(trial, ranks=self._ranks, checkpoint=checkpoint).points()

    def advance(self) -> None:
        """Train to the next validation."""
        next(self._points, None)
