"""Stacks, colours and the data of the figures."""

import re
from collections.abc import Callable

import plotly.graph_objects as go
import pytest

from search.report.colours import DARK, LIGHT, N_SETS
from search.report.fronts import fronts_of
from search.report.sections.curves import curves_plot
from search.report.sections.fronts import front_plot
from search.report.stack import boxes, in_words, stack_svg
from search.study.trial_record import TrialRecord
from spaces.kinds import LAYER_KINDS
from spaces.layout import Layout
from tests.search.report.contrast import contrast
from trainable.config import CLOCKS


def test_a_stack_stands_on_its_bottom() -> None:
    svg = stack_svg(Layout.parse("RLG"), Layout.parse("L"))
    layers = re.findall(r'<rect x="0.5" y="([\d.]+)".*?<text[^>]*>(\w+)</text>', svg, re.DOTALL)
    encoder = [letter for _, letter in sorted(layers[:3], key=lambda layer: float(layer[0]))]
    assert encoder == ["G", "L", "R"]  # from the top
    assert float(layers[0][0]) == float(layers[3][0])  # the decoder stands on the same floor


@pytest.mark.parametrize(
    "text", ["R1LR1L", "(R1L1)*4", "LLLL", "R1R1R2R2L1L1", "F1G1F1G1", "La1La1LL"]
)
def test_equal_colours_are_shared_weights(text: str) -> None:
    layers = Layout.parse(text).layers  # as written: equal letters and number share
    drawn = boxes(Layout.parse(text))
    for one, layer in zip(drawn, layers, strict=True):
        assert (one.colour == "own") == (layer.weight_set is None)
        for other, its in zip(drawn, layers, strict=True):
            if layer.weight_set is not None and its.weight_set is not None:
                assert (one.colour == other.colour) == (layer == its)


@pytest.mark.parametrize("kind", LAYER_KINDS)
def test_what_is_frozen_is_hatched(kind: str) -> None:
    svg = stack_svg(Layout.parse(kind), Layout.parse("L"))
    assert ("url(#hatch)" in svg) == (kind != "L")


def test_encoder_and_decoder_do_not_seem_to_share() -> None:
    colours = re.findall(r'data-set="(\S+)"', stack_svg(Layout.parse("L1L1"), Layout.parse("L1L1")))
    assert len(colours) == 4
    assert not set(colours[:2]) & set(colours[2:])


def test_the_words_say_what_the_drawing_shows() -> None:
    words = in_words(Layout.parse("R1LR1"), Layout.parse("L"))
    assert words == (
        "Encoder, bottom to top: Transformer reservoir, frozen with shared weights R1; learned; "
        "Transformer reservoir, frozen with shared weights R1. Decoder: learned."
    )


def test_a_deep_stack_is_no_taller_than_the_screen() -> None:
    height = re.search(r'height="([\d.]+)"', stack_svg(Layout.parse("(L)*200"), Layout.parse("L")))
    assert height is not None
    assert float(height[1]) < 1200


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_letters_stand_out_from_what_is_behind(scheme: dict[str, str]) -> None:
    papers = [scheme["paper"], scheme["raised"]]
    fills = [scheme["own"], *(scheme[f"set-{n + 1}"] for n in range(N_SETS))]
    for paper in papers:
        assert all(contrast(scheme[name], paper) >= 4.5 for name in ("ink", "muted", "accent"))
    assert all(contrast(scheme["ink"], fill) >= 4.5 for fill in fills)


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_lines_stand_out_from_the_paper(scheme: dict[str, str]) -> None:
    series = [colour for name, colour in scheme.items() if name.startswith("series-")]
    assert all(contrast(colour, scheme["paper"]) >= 3 for colour in series)


def test_the_schemes_have_the_same_colours() -> None:
    assert LIGHT.keys() == DARK.keys()


def test_the_curves_are_those_of_the_records_on_every_clock(
    make_record: Callable[..., TrialRecord],
) -> None:
    few = [make_record(0), make_record(1)]
    rest = [make_record(2), make_record(3, state="stopped")]
    plot = curves_plot(few, rest, "seconds", "BLEU")
    for clock in CLOCKS:
        first, *coloured = plot["views"][clock]["x"]
        assert coloured == [[point.at(clock) for point in record.curve] for record in few]
        assert len(first) == len(plot["data"][0]["y"]) == len(plot["data"][0]["text"])
        assert first[3] is None  # the gap between two curves
    assert plot["data"][1]["x"] == plot["views"]["seconds"]["x"][1]


def test_plotly_takes_the_figures(make_record: Callable[..., TrialRecord]) -> None:
    curves = curves_plot([make_record(0)], [make_record(1)], "updates", "BLEU")
    fronts = [front_plot(f, "BLEU × updates") for f in fronts_of([make_record(n) for n in (0, 1)])]
    for plot in (curves, *fronts):
        data = [_with_plain_colours(trace) for trace in plot["data"]]
        go.Figure(data=data, layout=plot["layout"])  # refuses what it does not know


def _with_plain_colours(value: object) -> object:
    if isinstance(value, dict):
        return {name: _with_plain_colours(part) for name, part in value.items()}
    if isinstance(value, str) and value.startswith("var(--"):
        return LIGHT[value[6:-1]]
    return value
