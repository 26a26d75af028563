"""An export's ``layout.toml``, and its command for fairseq, determine the model."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from fairseq.data import Dictionary
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from search.exports.layout_file import layout_toml, read_layout_toml
from spaces.errors import UserError
from spaces.layout import Layout
from tests.spaces.strategies import layouts
from trainable.config import Budget, ModelConfig, TrialConfig
from trainable.fairseq_checkpoint import fairseq_checkpoint
from trainable.fairseq_command import fairseq_train_arguments
from trainable.models.build import Dictionaries, build_model
from trainable.models.options import command_line, fairseq_options
from trainable.models.reservoir_transformer import ReservoirTransformer
from trainable.tasks.translation import Translation

FEW = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
# fairseq takes a second to read a command line, so a failure is not made smaller either.
FEWER = settings(max_examples=6, deadline=None, phases=[Phase.explicit, Phase.generate])
ALBERT = ModelConfig(
    encoder="L1L1L1L1", d_model=128, embedding_dim=16, reservoir_density=0.2, tied="none"
)


def dictionary(n_rows: int) -> Dictionary:
    found = Dictionary()
    for number in range(n_rows - len(found)):
        found.add_symbol(f"w{number}")
    return found


def decoders() -> st.SearchStrategy[Layout]:
    """Decoders with reservoirs, shared layers and shared parts of layers."""
    words = ["L", "R", "L1", "R1", "La1", "La2", "Lf1", "Lw1", "Ra1", "Rf1"]
    return st.lists(st.sampled_from(words), min_size=1, max_size=3).map("".join).map(Layout.parse)


@st.composite
def models(draw) -> tuple[ModelConfig, Dictionary, Dictionary]:
    """A small model, and the dictionaries of its data."""
    heads = draw(st.sampled_from([1, 2]))
    tied = draw(st.sampled_from(["none", "decoder", "all"]))
    config = ModelConfig(
        encoder=str(draw(layouts(max_depth=5)).canonical()),
        decoder=str(draw(decoders()).canonical()),
        d_model=8,
        heads=heads,
        ffn=draw(st.sampled_from([4, 12])),
        embedding_dim=draw(st.sampled_from([None, 3, 8])),
        norm=draw(st.sampled_from(["pre", "post"])),
        tied=tied,
        reservoir_gain=draw(st.sampled_from([0.3, 1.0, 1e-5])),
        reservoir_draw=draw(st.sampled_from(["xavier", "orthogonal", "sparse"])),
        reservoir_density=draw(st.sampled_from([0.1, 0.5, 1.0])),
        reservoir_backward=draw(st.sampled_from(["through", "around"])),
    )
    src = dictionary(draw(st.integers(5, 12)))
    return config, src, src if tied == "all" else dictionary(draw(st.integers(5, 12)))


def assert_same(built: ReservoirTransformer, first: ReservoirTransformer) -> None:
    """The same learned weights by name and shape, the same reservoirs to the bit.

    Gradients go around the same reservoirs, by hooks of theirs.
    """
    of_built, of_first = (
        (
            {name: tuple(p.shape) for name, p in model.named_parameters()},
            {name: len(module._forward_hooks) for name, module in model.named_modules()},
        )
        for model in (built, first)
    )
    assert of_built == of_first
    ours, theirs = built.reservoir_tensors(), first.reservoir_tensors()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def task_of(src: Dictionary, tgt: Dictionary) -> Translation:
    """Translation between two dictionaries, without any sentence."""
    manifest = SimpleNamespace(src="de", tgt="en", metric=None)
    corpus: Any = SimpleNamespace(
        folder=Path("data"), manifest=manifest, src_dict=src, tgt_dict=tgt
    )
    return Translation(corpus)


@FEW
@given(model=models(), seed=st.integers(0, 2**31 - 1))
def test_a_model_is_built_again_from_its_layout_file_alone(
    model: tuple[ModelConfig, Dictionary, Dictionary], seed: int, tmp_path: Path
):
    config, src, tgt = model
    path = tmp_path / "layout.toml"
    path.write_text(layout_toml(config, seed=seed, task=task_of(src, tgt)))
    read = read_layout_toml(path)
    assert (read.config, read.reservoir_seed) == (config, seed)
    built = read.build()
    assert_same(built, build_model(config, src_dict=src, tgt_dict=tgt, seed=seed))
    n_learned = sum(p.numel() for p in built.parameters())
    n_drawn = sum(t.numel() for t in built.reservoir_tensors().values())
    assert read.n_params_learned == read.n_params_stored == n_learned
    assert read.n_params_total == n_learned + n_drawn


@FEWER
@given(model=models(), seed=st.integers(0, 2**31 - 1))
def test_a_model_is_built_again_from_its_command_and_checkpoint_for_fairseq(
    model: tuple[ModelConfig, Dictionary, Dictionary], seed: int
):
    config, src, tgt = model
    exported = build_model(config, src_dict=src, tgt_dict=tgt, seed=seed)
    trial = TrialConfig(data="data", seed=seed, model=config, budget=Budget(updates=4))
    arguments = fairseq_train_arguments(trial, task_of(src, tgt), n_updates=4)
    checkpoint = fairseq_checkpoint(exported, arguments=arguments, n_updates=1)
    built = ReservoirTransformer.build_model(
        OmegaConf.create(checkpoint["cfg"]["model"]), Dictionaries(src, tgt)
    )
    built.load_state_dict(checkpoint["model"], strict=True)
    assert_same(built, exported)
    assert all(
        torch.equal(weight, dict(exported.named_parameters())[name])
        for name, weight in built.named_parameters()
    )


@pytest.mark.parametrize("name", list(ModelConfig.model_fields))
def test_every_setting_of_a_model_is_in_its_layout_file_and_in_the_command_for_fairseq(name: str):
    texts = (
        "encoder=R1L decoder=R norm=post tied=all reservoir_draw=sparse reservoir_backward=around "
        "reservoir_dropout=on attention=linformer attention_sharing=all"
    )
    numbers = {"d_model": 64, "embedding_dim": 4, "ffn": 12, "heads": 2}
    numbers |= {"attention_features": 7, "attention_length": 9}
    others = dict(word.split("=") for word in texts.split()) | numbers
    other = ModelConfig.model_validate({name: others.get(name, 0.7)})
    task = task_of(dictionary(9), dictionary(9))
    assert layout_toml(other, seed=1, task=task) != layout_toml(ModelConfig(), seed=1, task=task)
    assert command_line(fairseq_options(other, seed=1)) != command_line(
        fairseq_options(ModelConfig(), seed=1)
    )


def test_a_layout_file_of_an_earlier_version_is_refused_in_plain_words(tmp_path: Path):
    path = tmp_path / "layout.toml"
    path.write_text('encoder = "LL"\ndecoder = "L"\nd_model = 64\nreservoir_seed = 1\n')
    with pytest.raises(UserError) as caught:
        read_layout_toml(path)
    lines = str(caught.value).split("\n")
    assert f"{path}: src_rows: is missing; give a whole number; or export it again" in lines


@pytest.mark.parametrize("text", ["a = ", "a = nan", "encoder = 3", "d_model = [1]", ""])
def test_what_is_no_layout_file_is_refused_with_its_place(tmp_path: Path, text: str):
    path = tmp_path / "layout.toml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        read_layout_toml(path)
    assert all(line.startswith(f"{path}: ") for line in str(caught.value).split("\n"))


def test_settings_that_are_absent_are_left_out():
    task = task_of(dictionary(9), dictionary(9))
    assert "embedding_dim" not in layout_toml(ModelConfig(), seed=1, task=task)
    assert "embedding_dim = 16\n" in layout_toml(ALBERT, seed=1, task=task)
