"""Buckets: few, large enough, not much larger than the token budget."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from trainable.buckets import MULTIPLE, Bucket, bucket_of
from trainable.config import TrainConfig
from trainable.loss import PADDING
from trainable.tasks.registry import load_task


@pytest.mark.parametrize("n_shards", [1, 3])
def test_every_batch_fits_its_bucket_and_the_token_budget(n_shards: int):
    rng = np.random.default_rng(1)
    buckets, batch_tokens = set(), 4096
    for _ in range(20_000):
        lengths = tuple(int(n) for n in rng.integers(1, 100, size=2))
        n_most = batch_tokens // max(lengths)
        n_examples = max(1, int(n_most * rng.choice([1.0, 0.97, rng.random()])))
        bucket = bucket_of(
            n_examples=n_examples, lengths=lengths, batch_tokens=batch_tokens, n_shards=n_shards
        )
        buckets.add(bucket)
        for rounded, length in zip(bucket.lengths, lengths, strict=True):
            assert 0 <= rounded - length < MULTIPLE
            assert rounded % MULTIPLE == 0
        n_needed = -(-n_examples // n_shards)
        assert n_needed <= bucket.n_rows <= 1.25 * n_needed
        longest = max(bucket.lengths)
        most = batch_tokens * longest / (longest - MULTIPLE + 1)
        # A part of an update may have one row more than its share.
        assert bucket.n_rows * longest <= most / n_shards + longest
    lengths_of = {bucket.lengths for bucket in buckets}
    assert len(lengths_of) <= (104 // MULTIPLE) ** 2
    assert len(buckets) <= 4 * 12 * len(lengths_of)  # four steps in each power of two to 4,096


def test_an_epoch_has_few_buckets(small_grammar: Path):
    task, train = load_task(str(small_grammar)), TrainConfig(batch_tokens=256)
    updates = list(itertools.islice(task.updates(train, seed=1, skip=0), 200))
    found = {
        bucket_of(n_examples=len(u.indices), lengths=u.lengths, batch_tokens=train.batch_tokens)
        for u in updates
    }
    shapes = {(len(update.indices), *update.lengths) for update in updates}
    assert 2 * len(found) < len(shapes)


def test_rows_without_a_pair_hold_one_end_of_sentence_and_no_target(small_grammar: Path):
    collate = load_task(str(small_grammar)).corpus.collator("train")
    indices = np.array([5, 3, 40])
    plain, padded = collate(indices), collate(indices, Bucket(n_rows=5, lengths=(64, 56)))
    assert {name: tuple(t.shape) for name, t in padded["net_input"].items()} == {
        "src_tokens": (5, 64),
        "src_lengths": (5,),
        "prev_output_tokens": (5, 56),
    }
    assert padded["target"].shape == (5, 56)
    end = 2
    for batch, name, side in (
        (padded["net_input"], "src_tokens", slice(None, -1)),
        (padded["net_input"], "prev_output_tokens", slice(1, None)),
    ):
        rows = batch[name][3:]
        assert (rows[:, side] == PADDING).all()
        assert (rows[:, -1 if name == "src_tokens" else 0] == end).all()
    assert (padded["target"][3:] == PADDING).all()
    src, tgt = plain["net_input"]["src_tokens"], plain["target"]
    assert torch.equal(padded["net_input"]["src_tokens"][:3, -src.size(1) :], src)
    assert torch.equal(padded["target"][:3, : tgt.size(1)], tgt)
    assert (padded["net_input"]["src_tokens"][:3, : -src.size(1)] == PADDING).all()
    assert (padded["target"][:3, tgt.size(1) :] == PADDING).all()


def test_a_bucket_can_be_without_any_pair(small_grammar: Path):
    collate = load_task(str(small_grammar)).corpus.collator("train")
    batch = collate(np.array([], dtype=np.int64), Bucket(n_rows=2, lengths=(8, 8)))
    assert (batch["target"] == PADDING).all()
    assert batch["net_input"]["src_lengths"].tolist() == [1, 1]
