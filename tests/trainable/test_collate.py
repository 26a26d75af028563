from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from trainable.tasks.registry import load_task


@pytest.mark.parametrize("indices", [[0], [5, 3, 40, 7], list(range(60, 140))])
def test_a_batch_is_what_fairseqs_collater_makes(small_grammar: Path, indices: list[int]):
    corpus = load_task(str(small_grammar)).corpus
    dataset = corpus.split("train")
    theirs = dataset.collater([dataset[index] for index in indices])
    ours = corpus.collator("train")(np.array(indices))

    # Both sort by source length; sentences of one length may stand in another order.
    row_of = {index: row for row, index in enumerate(ours["id"].tolist())}
    rows = torch.tensor([row_of[index] for index in theirs["id"].tolist()])
    assert torch.equal(ours["id"][rows], theirs["id"])
    assert torch.equal(ours["target"][rows], theirs["target"])
    for name, tensor in theirs["net_input"].items():
        assert torch.equal(ours["net_input"][name][rows], tensor), name
    for name in ("ntokens", "nsentences"):
        assert ours[name] == theirs[name]
