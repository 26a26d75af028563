import pytest

from spaces.dimensions import Dimensions
from spaces.errors import UserError


def test_impossible_sizes_are_told_all_at_once():
    with pytest.raises(UserError) as caught:
        Dimensions(d_model=100, ffn=0, heads=3, src_rows=10, tgt_rows=9, tied="all")
    assert str(caught.value).splitlines() == [
        "ffn 0: must be positive",
        "d_model 100: must be a multiple of 2 x heads = 6",
        "tied 'all': needs one joined dictionary, but src_rows is 10 and tgt_rows 9; use 'decoder'",
    ]
