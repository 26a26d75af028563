import json

import pytest
import typer
from typer.testing import CliRunner

from search.commands.layout import drawing, layout
from spaces.errors import UserError
from spaces.layout import Layout

app = typer.Typer()
app.command()(layout)


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_json_tells_the_canonical_form_and_the_counts():
    found = json.loads(run("R7LR7L", "--json"))
    flops = found.pop("flops_per_token_forward"), found.pop("flops_per_token_training")
    layer, other = 2_102_784, 2 * 3_154_432 + (8848 + 6632) * 512
    assert found == {
        "layout": "R7LR7L",
        "canonical": "R1LR1L",
        "decoder": "LL",
        "n_params_total": 3 * layer + other,
        "n_params_learned": 2 * layer + other,
        "n_params_stored": 2 * layer + other,
        "n_params_encoder": 3 * layer,
    }
    assert 2 * flops[0] < flops[1] < 3 * flops[0]  # reservoirs spare a part of the backward pass


def test_a_presets_name_stands_for_its_layout():
    found = json.loads(run("model0", "--json"))
    assert (found["canonical"], found["n_params_total"]) == ("LLLLLLLL", 31_056_896)


def test_dimensions_are_options():
    options = ["--d-model", "8", "--ffn", "12", "--heads", "2", "--src-rows", "20"]
    options += ["--tgt-rows", "30", "--decoder", "L", "--norm", "pre", "--tied", "none"]
    found = json.loads(run("L", "--json", *options))
    attention, feed_forward, norm = 4 * (8 * 8 + 8), 8 * 12 + 12 + 12 * 8 + 8, 2 * 8
    encoder = attention + feed_forward + 3 * norm  # the last one closes the stack
    decoder = 2 * attention + feed_forward + 4 * norm
    assert found["n_params_encoder"] == encoder
    assert found["n_params_total"] == encoder + decoder + (20 + 30 + 30) * 8


def test_the_drawing_has_the_bottom_at_the_bottom_and_marks_shared_weights():
    rows = [line for line in drawing(Layout.parse("R3LR3F")) if "│" in line]
    assert [row.split("│")[0].strip() for row in rows] == ["3", "2", "1", "0"]
    assert "weights of depth 0" in rows[1]
    assert sum("weights of" in row for row in rows) == 1


def test_the_text_names_every_count_in_full():
    text = run("model0")
    assert "31,056,896" in text
    assert "canonical  LLLLLLLL" in text


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["LRX"], "unknown layer kind 'X' at depth 2"),
        (["L", "--decoder", "LG"], "decoder layout 'LG': kind 'G' at depth 1"),
        (["L", "--heads", "3"], "d_model 512: must be a multiple of 2 x heads = 6"),
    ],
)
def test_a_users_mistake_is_a_user_error(arguments, fault):
    with pytest.raises(UserError, match=fault):
        run(*arguments)
