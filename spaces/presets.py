"""The paper's encoders by name, and the sizes of its models."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from spaces.dimensions import Dimensions
from spaces.layout import Layout, LayoutError

# Eight encoder layers, an R below the L of each pair. The paper says of models 3 and 4 that
# all four R (and L) share one weight set; its parameter counts (53.34 M and 49.13 M) are those
# of sharing in pairs. Both readings are here.
PRESETS: Mapping[str, Layout] = MappingProxyType(
    {
        "model0": Layout.parse("(L)*8"),
        # Two R; the paper does not say at which depths. Shen et al. place theirs in the middle,
        # as interleaving "alternating-centred" does.
        "model1": Layout.parse("(RLLL)*2"),
        "model2": Layout.parse("(RL)*4"),
        "model3": Layout.parse("(R1L)*4"),
        "model4": Layout.parse("(R1L1)*4"),
        "model3-pairs": Layout.parse("(R1L)*2(R2L)*2"),
        "model4-pairs": Layout.parse("(R1L1)*2(R2L2)*2"),
    }
)

# Its models on IWSLT'14, with the dictionaries that fairseq's recipe makes.
PAPER_SIZES = Dimensions(
    d_model=512, ffn=1024, heads=4, src_rows=8848, tgt_rows=6632, norm="post", tied="decoder"
)


def resolve_layout(text: str) -> Layout:
    """Layout of a preset's name, or of a text in the notation.

    Raises:
        LayoutError: ``text`` is neither.
    """
    if text in PRESETS:
        return PRESETS[text]
    if text[:1].islower():
        names = ", ".join(PRESETS)
        raise LayoutError(
            f"layout {text!r}: no preset has this name; use {names}, or the notation, as R1LR1L"
        )
    return Layout.parse(text)
