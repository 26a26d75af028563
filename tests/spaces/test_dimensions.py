import pytest

from spaces.dimensions import Dimensions
from spaces.errors import UserError


def test_embeddings_are_no_wider_than_the_model():
    sizes = {"d_model": 8, "ffn": 4, "heads": 2, "src_rows": 9, "tgt_rows": 9}
    kept = {"norm": "pre", "tied": "decoder"}
    for wrong in (0, 9):
        with pytest.raises(UserError, match=f"embedding_dim {wrong}: must be 1 to d_model 8"):
            Dimensions(**sizes, **kept, embedding_dim=wrong)


def test_impossible_sizes_are_told_all_at_once():
    with pytest.raises(UserError) as caught:
        Dimensions(d_model=100, ffn=0, heads=3, src_rows=10, tgt_rows=9, norm="pre", tied="all")
    assert str(caught.value).splitlines() == [
        "ffn 0: must be positive",
        "d_model 100: must be a multiple of 2 x heads = 6",
        "tied 'all': needs one joined dictionary, but src_rows is 10 and tgt_rows 9; use 'decoder'",
    ]
