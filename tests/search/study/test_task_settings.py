"""A task decides whether its models have a decoder, whatever a study file leaves out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from search.report.stack import in_words, stack_svg
from search.study.config import StudyConfig, study_from
from search.study.references import model0_candidates
from search.study.task_settings import settled
from spaces.errors import UserError
from spaces.extremes import extreme_layouts
from spaces.layout import NO_DECODER, Layout, without_reservoirs
from trainable.config import ModelConfig
from trainable.tasks.registry import load_task


def study_on(data: Path, **tables: Any) -> StudyConfig:
    values = {"name": "s", "data": str(data), "space": {"depth": 2}, "budget": {"updates": 4}}
    return settled(study_from(values | tables, "study"), load_task(str(data)))


def test_a_study_without_a_decoder_has_none_in_any_layout(kinds: Path):
    config = study_on(kinds)
    assert {decoder for _, decoder in extreme_layouts(config.space)} == {NO_DECODER}
    assert config.train.label_smoothing == 0.0
    assert study_on(kinds, train={"label_smoothing": 0.2}).train.label_smoothing == 0.2


def test_a_study_of_translation_stays_as_it_is(small_grammar: Path):
    config = study_on(small_grammar)
    assert config.space.decoder_depth == (2,)
    assert config.train.label_smoothing == 0.1


def test_a_decoder_that_does_not_fit_the_task_is_refused(kinds: Path, small_grammar: Path):
    with pytest.raises(UserError, match=r"space\.decoder_depth: .* has no decoder; leave it out"):
        study_on(kinds, space={"depth": 2, "decoder_depth": 1})
    with pytest.raises(UserError, match=r"a decoder of depth 0: .* has a decoder"):
        study_on(small_grammar, space={"depth": 2, "decoder_depth": 0})


def test_no_decoder_is_written_none_and_drawn_not_at_all():
    model = ModelConfig(encoder="RL", decoder="none")
    assert model.decoder == NO_DECODER
    assert ModelConfig.model_validate_json(model.model_dump_json()) == model
    encoder = Layout.parse("RL")
    assert "decoder" not in stack_svg(encoder, NO_DECODER).lower()
    assert "Decoder" not in in_words(encoder, NO_DECODER)


def test_what_has_no_decoder_has_deletions_and_a_model_0(kinds: Path):
    config = study_on(kinds)
    assert {candidate.decoder for candidate in model0_candidates(config)} == {NO_DECODER}
    assert without_reservoirs(NO_DECODER) == NO_DECODER
    assert without_reservoirs(Layout.parse("RR")) is None
