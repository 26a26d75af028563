"""The commands of docs/layouts.md make the layouts that stand beside them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from search.study.config import StudyConfig, load_study
from search.study.ledger import read_records
from spaces.chooser import FixedChooser
from spaces.layout import Layout
from spaces.sharing import share
from tests.search.command_line import reservoir_search
from trainable.config import TrialConfig
from trainable.ranks import Ranks
from trainable.training import Training

ROOT = Path(__file__).resolve().parents[2]
DOCS = (ROOT / "docs" / "layouts.md").read_text(encoding="utf-8")
SYSTEMS = re.findall(r"^\| ([^|]+) \| `(\w+)`, `(\w+)` \| `run ([^`]+)` \|$", DOCS, re.MULTILINE)
RULES = re.findall(r"^\| `([a-z-]+?)(-K`, here (\d))?[`:].*? \| `(\w+)` \|", DOCS, re.MULTILINE)
PARTS = re.findall(r"^\| `(:[a-z-]+)`.*? \| `(\w+)` \|", DOCS, re.MULTILINE)


PLACEMENTS = re.findall(r"^\| [^|]+ \| `(\w+)` \| (`space\.[^|]+`) \|$", DOCS, re.MULTILINE)
OWN = ROOT / "studies" / "own-layouts.toml"


def study_of(command: str) -> StudyConfig:
    file, *options = shlex.split(command)
    assert options[::2] == ["--set"] * (len(options) // 2)
    return load_study(ROOT / file, options[1::2])


def only_trial(study: StudyConfig, data: str) -> TrialConfig:
    (point,) = study.space.points()
    return study.trial(study.space.choose(FixedChooser(point)), data=data)


def test_every_system_of_the_paper_has_a_row():
    names = " ".join(name for name, *_ in SYSTEMS)
    wanted = ("Vanilla", "Reservoir Transformer", "Model 2", "Model 3", "Model 4", "LayerDrop")
    for name in (*wanted, "AutoFreeze", "ALBERT", "Deep encoder, shallow decoder"):
        assert name in names
    assert len({study_of(command).name for *_, command in SYSTEMS}) == len(SYSTEMS) == 11


@pytest.mark.parametrize(("name", "encoder", "decoder", "command"), SYSTEMS)
def test_a_command_trains_the_layouts_beside_it(name, encoder, decoder, command):
    model = only_trial(study_of(command), "data").model
    assert (str(model.encoder), str(model.decoder)) == (encoder, decoder)
    assert Layout.parse(encoder) == Layout.parse(encoder).canonical()


def test_a_rule_of_sharing_gives_the_layout_beside_it():
    assert len(RULES) == 8
    for rule, is_numbered, number, layout in RULES:
        name = f"{rule}-{number}" if is_numbered else rule
        assert str(share("LLLLLL", learned=name, reservoir="none")) == layout


def test_a_difference_gives_the_layout_beside_it():
    (row,) = re.findall(r"^\| `(\+r\d)` \| `([\w+]+)` \|", DOCS, re.MULTILINE)
    assert str(share("LLLLLL", learned=f"all{row[0]}", reservoir="none")) == row[1]


def test_an_ending_of_a_rule_gives_the_layout_beside_it():
    assert len(PARTS) == 3
    for ending, layout in PARTS:
        assert str(share("LLLLLL", learned=f"all{ending}", reservoir="none")) == layout


def test_a_placement_has_the_settings_beside_it():
    assert len(PLACEMENTS) == 3
    for layout, settings in PLACEMENTS:
        options = " ".join(f"--set {setting}" for setting in re.findall(r"`([^`]+)`", settings))
        study = study_of(f"studies/one-layout.toml {options}")
        assert str(only_trial(study, "data").model.encoder) == layout


def test_the_documentation_shows_the_study_with_own_layouts():
    page = (ROOT / "docs" / "how-to" / "study-file.md").read_text(encoding="utf-8")
    shown = page.split("From `studies/own-layouts.toml`:\n\n```toml\n")[1].split("```")[0]
    file = OWN.read_text(encoding="utf-8")
    assert all(table.strip() in file for table in re.split(r"\n\n", shown))
    space = load_study(OWN).space
    # Two encoders learn throughout, and have one decoder; the others three. Two of four widths,
    # three warm-ups.
    assert space.n_points() == (2 * 1 + 4 * 3) * 2 * 3


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_study_with_own_layouts_runs(small_grammar: Path, tmp_path: Path):
    tiny = ("budget.updates=8", "validation.interval_updates=4", "validation.n_sentences=4")
    few = ("search.n_trials=4", "scheduler.grace=4", "train.batch_tokens=128")
    settings = [f"data={small_grammar}", *tiny, *few]
    options = [part for setting in settings for part in ("--set", setting)]
    done = reservoir_search("run", str(OWN), *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    records = read_records(tmp_path / "studies/own-layouts/trials.jsonl").values()
    models = [record.config.model for record in records]
    assert [str(model.encoder) for model in models[:2]] == ["LLLLLL", "R1L1R1L1R1L1"]
    assert str(models[1].decoder) == "LR"
    assert sum(record.reference is None for record in records) == 4
    assert all(model.ffn == 2 * model.d_model for model in models)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("name", "encoder", "decoder", "command"), SYSTEMS)
def test_every_system_trains(small_grammar, name, encoder, decoder, command):
    tiny = "--set model.d_model=16 --set model.ffn=32 --set train.batch_tokens=128"
    short = "--set validation.interval_updates=4 --set validation.n_sentences=4"
    study = study_of(f"{command} {tiny} {short} --set budget.updates=16")
    training = Training(only_trial(study, str(small_grammar)), ranks=Ranks())
    losses = [point.loss for point in training.points()]
    assert losses[-1] < losses[0]
