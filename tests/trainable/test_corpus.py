from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from spaces.errors import UserError
from trainable.corpus import epoch_batches, evaluation_batches, update_batches
from trainable.tasks.registry import load_task


def test_an_epoch_has_every_sentence_once_and_no_batch_over_its_tokens(small_grammar: Path):
    dataset = load_task(str(small_grammar)).corpus.split("train")
    batches = epoch_batches(dataset, batch_tokens=256, seed=1, epoch=0)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(dataset)))
    for batch in batches:
        longest = max(dataset.src_sizes[batch].max(), dataset.tgt_sizes[batch].max())
        assert longest * len(batch) <= 256


def test_the_seed_and_the_epoch_decide_the_order(small_grammar: Path):
    dataset = load_task(str(small_grammar)).corpus.split("train")

    def order(seed: int, epoch: int) -> list[int]:
        batches = epoch_batches(dataset, batch_tokens=256, seed=seed, epoch=epoch)
        return [int(index) for batch in batches for index in batch]

    assert order(1, 0) == order(1, 0)
    assert order(1, 0) != order(1, 1)
    assert order(1, 0) != order(2, 0)


@pytest.mark.parametrize("skip", [0, 7, 100])
def test_skipping_updates_gives_the_batches_that_would_have_followed(
    small_grammar: Path, skip: int
):
    dataset = load_task(str(small_grammar)).corpus.split("train")
    unbroken = islice(update_batches(dataset, batch_tokens=512, seed=1, skip=0), skip, skip + 20)
    resumed = islice(update_batches(dataset, batch_tokens=512, seed=1, skip=skip), 20)
    for expected, batch in zip(unbroken, resumed, strict=True):
        assert expected.tolist() == batch.tolist()


def test_a_batch_too_small_for_any_sentence_is_refused(small_grammar: Path):
    dataset = load_task(str(small_grammar)).corpus.split("train")
    with pytest.raises(UserError, match=r"train.batch_tokens 1: the shortest sentence has"):
        epoch_batches(dataset, batch_tokens=1, seed=1, epoch=0)


def test_evaluation_leaves_no_sentence_out(small_grammar: Path):
    dataset = load_task(str(small_grammar)).corpus.split("valid")
    everything = np.arange(len(dataset))
    longest = int(dataset.num_tokens_vec(everything).max())
    batches = evaluation_batches(dataset, everything, longest)
    assert sorted(np.concatenate(batches).tolist()) == everything.tolist()
    with pytest.raises(UserError, match=rf"sentence \d+ of valid or test has {longest} tokens"):
        evaluation_batches(dataset, everything, longest - 1)
