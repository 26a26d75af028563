"""Candidates that differ in a setting alone that changes nothing are one candidate."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.study.config import load_study
from search.study.varied_settings import varied_settings
from spaces.chooser import walk

STUDY = """
data = "data/grammar"
[space]
depth = 2
n_reservoirs = [0, 1]
reservoir_kind = {kind}
[space.hyper]
{axis}
[model]
{model}
[budget]
updates = 9
"""


def n_candidates(folder: Path, *overrides: str, kind: str = "R", axis: str, model: str = "") -> int:
    path = folder / "mine.toml"
    path.write_text(STUDY.format(kind=f'"{kind}"', axis=axis, model=model))
    config = load_study(path, overrides)
    assert varied_settings(config) == [axis.partition(" ")[0].strip('"')]
    return len({candidate.key for _, candidate in walk(config.space.choose)})


FEATURES, DENSITIES = (
    '"model.attention_features" = [16, 64]',
    "model.reservoir_density = [0.1, 0.2]",
)


@pytest.mark.parametrize(
    ("kind", "axis", "model", "n"),
    [
        ("R", FEATURES, "", 2),  # LL and RL
        ("P", FEATURES, "", 3),  # LL, and PL with 16 and 64
        ("R", FEATURES, 'attention = "linformer"', 2),
        ("R", FEATURES, 'attention = "performer"', 4),
        ("R", DENSITIES, "", 2),
        ("R", DENSITIES, 'reservoir_draw = "sparse"', 3),
    ],
)
def test_a_fixed_setting_decides_which_candidates_differ(tmp_path, kind, axis, model, n):
    assert n_candidates(tmp_path, kind=kind, axis=axis, model=model) == n


def test_the_setting_is_that_of_the_command_line(tmp_path):
    assert n_candidates(tmp_path, "model.attention=performer", axis=FEATURES) == 4


def test_a_wrong_value_of_it_is_told_once(tmp_path):
    with pytest.raises(Exception, match=r"model\.attention") as caught:
        n_candidates(tmp_path, axis=FEATURES, model='attention = "softmx"')
    assert len(str(caught.value).splitlines()) == 1
