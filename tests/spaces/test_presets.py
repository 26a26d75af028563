import pytest

from spaces.layout import Layout, LayoutError
from spaces.presets import PRESETS, resolve_layout


@pytest.mark.parametrize(
    ("name", "notation"),
    [
        ("model0", "LLLLLLLL"),
        ("model1", "RLLLRLLL"),
        ("model2", "RLRLRLRL"),
        ("model3", "(R1L)*4"),
        ("model4", "(R1L1)*4"),
        ("model3-pairs", "R1LR1LR2LR2L"),
        ("model4-pairs", "R1L1R1L1R2L2R2L2"),
    ],
)
def test_a_preset_is_the_papers_encoder(name, notation):
    assert resolve_layout(name) == Layout.parse(notation)


@pytest.mark.parametrize("layout", PRESETS.values(), ids=PRESETS)
def test_presets_are_canonical(layout):
    assert layout == layout.canonical()


def test_what_is_no_name_is_read_as_notation():
    assert resolve_layout("(RL)*2") == Layout.parse("RLRL")


def test_an_unknown_name_is_told_the_names():
    with pytest.raises(LayoutError, match="'model9': no preset has this name; use model0, model1"):
        resolve_layout("model9")
