"""A rank of a trial other than the first: a Ray actor that follows rank 0's lead."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from trainable.checkpoint import Checkpoint
from trainable.config import TrialConfig
from trainable.curve import Point
from trainable.ranks import Ranks, join_ranks, leave_ranks
from trainable.shipped_corpus import ShippedCorpus, with_data_here
from trainable.training import Training


class RankActor:
    """Trains in step with the other ranks; kept alive from trial to trial."""

    def __init__(
        self, rank: int, n_ranks: int, n_threads: int, corpus: ShippedCorpus | None
    ) -> None:
        torch.set_num_threads(n_threads)
        self._rank, self._n_ranks, self._corpus = rank, n_ranks, corpus
        self._ranks: Ranks | None = None
        self._points: Iterator[Point] = iter(())

    def join(self, address: str, backend: str) -> None:
        """Meet the other ranks of the trial."""
        self._ranks = join_ranks(
            rank=self._rank, n_ranks=self._n_ranks, address=address, backend=backend
        )

    def begin(self, config: TrialConfig, checkpoint: Checkpoint | None) -> None:
        """Make ready for a trial, from its start or from where it was left."""
        assert self._ranks is not None
        self._points = iter(())  # lets go of the trial before
        with _leaving_on_failure():
            trial = with_data_here(config, self._corpus)
            self._points = Training(trial, ranks=self._ranks, checkpoint=checkpoint).points()

    def advance(self) -> None:
        """Train to the next validation."""
        with _leaving_on_failure():
            next(self._points, None)


@contextlib.contextmanager
def _leaving_on_failure() -> Iterator[None]:
    """A rank that fails leaves the others, so that they fail too and do not wait."""
    try:
        yield
    except BaseException:
        leave_ranks()
        raise
