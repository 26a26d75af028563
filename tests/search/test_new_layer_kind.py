"""A layer kind that no file of the project knows: one entry in the table, and one module."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file

from search.commands.layout import drawing
from search.exports.export import export_layout
from search.exports.translate import Translator, open_export
from search.report.stack import in_words, stack_svg
from search.study.config import StudyConfig
from search.study.folder import StudyFolder
from search.study.ledger import Ledger
from search.study.trial_record import TrialRecord
from spaces import kinds
from spaces.chooser import FixedChooser
from spaces.counts import count_params
from spaces.dimensions import Dimensions
from spaces.flops import FlopsPerToken, flops_per_token
from spaces.kinds import FEED_FORWARD, NORMS, LayerKind, reservoir_letters
from spaces.layout import Layout, LayoutError, check_decoder
from spaces.space import SearchSpace
from spaces.sublayers import layer_norm_params, linear_params, product_flops
from tests.search.replay.tables import candidates_of
from tests.trainable.models.conftest import SMALL, SRC_ROWS, TGT_ROWS, make_dictionary
from trainable import reservoirs
from trainable.config import ModelConfig, TrialConfig
from trainable.curve import Point
from trainable.data.grammar.corpus import grammar
from trainable.data.prepare import prepare
from trainable.export_files import WEIGHTS
from trainable.models.build import build_model
from trainable.models.reservoir_transformer import ReservoirTransformer
from trainable.reservoirs import builders
from trainable.reservoirs.draw import draw_uniform, xavier_bound
from trainable.training import run_trial

MODULE = "mean"  # of tests/new_kind
MEAN = LayerKind(
    letter="M",
    name="mean-of-sentence reservoir",
    is_reservoir=True,
    parts="f",
    params=lambda dims: {
        FEED_FORWARD: 2 * linear_params(dims.d_model, dims.d_model),
        NORMS: layer_norm_params(dims),
    },
    flops=lambda dims: {FEED_FORWARD: 2 * product_flops(dims.d_model, dims.d_model)},
)
DIMS = Dimensions(
    d_model=16, ffn=24, heads=2, src_rows=SRC_ROWS, tgt_rows=TGT_ROWS, norm="pre", tied="decoder"
)
DECODER = Layout.parse("L")


@pytest.fixture
def new_kind(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Kind M, with its module beside those of `trainable/reservoirs/`."""
    folder = Path(__file__).parents[1] / "new_kind"
    monkeypatch.setitem(kinds._KINDS, "M", MEAN)
    monkeypatch.setattr(reservoirs, "__path__", [*reservoirs.__path__, str(folder)])
    yield
    builders._BUILDERS.pop("M", None)
    if sys.modules.pop(f"{reservoirs.__name__}.{MODULE}", None):
        delattr(reservoirs, MODULE)


def build(encoder: str) -> ReservoirTransformer:
    return build_model(
        ModelConfig(encoder=encoder, decoder="L", **SMALL),
        src_dict=make_dictionary(SRC_ROWS),
        tgt_dict=make_dictionary(TGT_ROWS),
        seed=1,
    )


def flops(encoder: str) -> FlopsPerToken:
    return flops_per_token(Layout.parse(encoder), DECODER, DIMS, src_length=10, tgt_length=5)


def test_every_reservoir_has_a_builder_and_every_builder_a_reservoir() -> None:
    assert builders.built_letters() == set(reservoir_letters())


def test_a_kind_without_a_module_is_named() -> None:
    with pytest.raises(ValueError, match="builds kind 'M'"):
        builders.reservoir_builder("M")


def test_two_builders_of_one_kind_are_refused() -> None:
    builders.built_letters()
    with pytest.raises(ValueError, match="'F' has two builders"):
        builders.builds_reservoir("F")(lambda _: torch.nn.Identity())


@pytest.mark.parametrize("changes", [{"letter": "m"}, {"letter": "ML"}, {"parts": "fx"}])
def test_an_entry_that_no_layout_could_write_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="layer kind"):
        LayerKind(
            **{"letter": "M", "name": "mean", **changes},
            is_reservoir=True,
            params=MEAN.params,
            flops=MEAN.flops,
        )


@pytest.mark.usefixtures("new_kind")
def test_a_new_kind_is_parsed_and_canonicalised() -> None:
    layout = Layout.parse("(M7L)*2Mf2LMf2")
    assert str(layout.canonical()) == "M1LM1LMf1LMf1"
    assert layout.reservoir_depths == (0, 2, 4, 6)


@pytest.mark.usefixtures("new_kind")
def test_messages_name_a_new_kind() -> None:
    with pytest.raises(LayoutError, match=r"unknown layer kind 'X' at depth 1; use .*, C or M$"):
        Layout.parse("MX")
    with pytest.raises(
        LayoutError, match=r"kind 'M' at depth 0 cannot attend .*; use L, R, A, N or Q$"
    ):
        check_decoder(Layout.parse("M"))
    with pytest.raises(ValidationError, match=r"no reservoir kind; use R, .*, C or M"):
        SearchSpace(reservoir_kind=("X",))
    with pytest.raises(ValidationError, match="only R, A, N, Q, P or M can share a part"):
        SearchSpace(reservoir_kind=("F",), share_reservoir=("all:feed-forward",))


@pytest.mark.usefixtures("new_kind")
def test_counts_and_flops_of_a_new_kind_are_those_of_the_model() -> None:
    encoder = Layout.parse("M1LM1Mf1LMf1M")
    model = build(str(encoder))
    counts = count_params(encoder, DECODER, DIMS)
    n_learned = sum(parameter.numel() for parameter in model.parameters())
    n_frozen = sum(tensor.numel() for tensor in model.reservoir_tensors().values())
    assert (counts.learned, counts.total) == (n_learned, n_learned + n_frozen)
    # Two source tokens for each target token, two matrices of 16 x 16.
    assert flops("LM").forward - flops("L").forward == 2 * 2 * (2 * 16 * 16)


@pytest.mark.usefixtures("new_kind")
def test_a_new_kind_is_drawn_frozen_and_named() -> None:
    layout = Layout.parse("M1LM1")
    lines = drawing(layout)
    assert len({len(line.rstrip()) for line in (lines[0], lines[2], lines[4])}) == 1
    assert sum(MEAN.name in line for line in lines) == 2
    svg = stack_svg(layout, DECODER)
    assert svg.count("url(#hatch)") == 2
    assert f"{MEAN.name}, frozen with shared weights M1" in in_words(layout, DECODER)


@pytest.mark.usefixtures("new_kind")
def test_a_space_has_layouts_of_a_new_kind() -> None:
    space = SearchSpace(
        depth=(2,), interleaving=("free",), reservoir_kind=("R", "M"), share_reservoir=("all",)
    )
    layouts = {str(space.choose(FixedChooser(point)).encoder) for point in space.points()}
    assert layouts == {"LL", "LR", "LM", "RL", "ML", "RM", "MR", "R1R1", "M1M1"}


@pytest.mark.usefixtures("new_kind")
def test_a_new_kind_trains_without_learning(tiny_trial: TrialConfig) -> None:
    model = tiny_trial.model.model_copy(update={"encoder": Layout.parse("M1LM1L")})
    curve: list[Point] = []
    training = run_trial(tiny_trial.model_copy(update={"model": model}), report=curve.append)
    assert [point.updates for point in curve] == [4, 8, 12]
    assert curve[-1].loss < curve[0].loss
    frozen = ("encoder.layers.0", "encoder.layers.2")
    assert not any(name.startswith(frozen) for name in training.checkpoint().best_weights)


@pytest.mark.usefixtures("new_kind")
def test_a_layout_of_a_new_kind_is_exported_and_translates(
    tiny_study: Callable[..., StudyConfig],
    make_record: Callable[..., TrialRecord],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)  # one thread: the model is too small for two
    data = tmp_path / "data"  # few sentences: an untrained model's translations are long
    prepare(lambda: grammar(seed=3, n_train=200, n_valid=2, n_test=2), data, n_merges=100)
    space = {"depth": 2, "n_reservoirs": 1, "interleaving": "bottom", "reservoir_kind": "M"}
    config = tiny_study(data=str(data), space=space | {"share_learned": "none"})
    (candidate,) = candidates_of(config)
    study = StudyFolder(tmp_path / "study")
    study.path.mkdir()
    study.resolve(config, data)
    trial = config.trial(candidate, data=str(data))
    Ledger.open(study.trials).put(make_record(config=trial))

    folder, exported = export_layout(study, trial=None, out=None, train=True)
    assert str(exported.config.model.encoder) == "ML"
    assert not any(name.startswith("encoder.layers.0") for name in load_file(folder / WEIGHTS))
    layer = open_export(folder).model.encoder.layers[0]
    key = f"{exported.config.seed}/encoder/M1/fc1.weight"
    assert torch.equal(
        layer.fc1.weight, draw_uniform((16, 16), bound=xavier_bound((16, 16)), key=key)
    )
    sentences = ["Der Hund schläft.", "", "Die Frau sieht das Haus."]
    assert len(list(Translator(folder).translate(sentences, beam=1))) == len(sentences)
