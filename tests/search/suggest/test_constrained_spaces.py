"""Every search algorithm on spaces with lists, decoders' orders, steps and constraints."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution, IntDistribution

from search.study.config import StudyConfig, study_from
from search.study.trained_candidate import candidate_of
from search.suggest.contract import SimulatedSearch, contract_study
from search.suggest.optuna_journal import OptunaChooser
from spaces.chooser import FixedChooser

ALGORITHMS = ("tpe", "surrogate", "grid")
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("random", "nsga2", "gp")]
LISTED: dict[str, Any] = {
    "encoder": ["LLLL", "(R1L)*2", "LRRL", "LLL", "R1LR1"],
    "decoder": ["L", "RL", "R1LR1"],
    "reservoir_gain": [1.0, 2.0],
    "where": ["encoder != 'LRRL' or decoder == 'L'", "decoder_depth < n_reservoirs + 2"],
}
# 1 of 40 combinations of width and inner width; the encoder's rule leaves four layouts.
TIGHT: dict[str, Any] = {
    "depth": 4,
    "interleaving": ["bottom", "top"],
    "decoder_depth": 2,
    "decoder_reservoirs": [0, 1],
    "decoder_interleaving": ["bottom", "top"],
    "hyper": {
        "model.d_model": [16, 32, 64, 128],
        "model.ffn": {"low": 48, "high": 624, "step": 64},
    },
    "where": ["ffn == 7 * d_model", "n_reservoirs in [1, 3]", "decoder_reservoirs == 0"],
}


def keys_of(config: StudyConfig) -> set[str]:
    space = config.space
    return {space.choose(FixedChooser(point)).key for point in space.points()}


@pytest.mark.parametrize("algorithm", [*ALGORITHMS, *SLOW])
def test_a_search_ends_with_every_listed_layout_that_is_allowed_and_no_other(
    algorithm: str, tmp_path: Path
):
    config = contract_study(
        algorithm, LISTED, search={"algorithm": algorithm, "n_trials": 40, "n_startup": 5}
    )
    simulated = SimulatedSearch(config, tmp_path)
    simulated.run()
    allowed = keys_of(config)
    assert len(allowed) == config.space.n_points()
    assert {record.key for record in simulated.ledger.records} == allowed


@pytest.mark.parametrize(
    ("algorithm", "is_continuous"),
    [
        *(("tpe", False), ("surrogate", False), ("grid", False)),
        *(
            pytest.param(name, True, marks=pytest.mark.slow)
            for name in ("surrogate", "random", "gp", "tpe")
        ),
    ],
)
def test_no_forbidden_candidate_is_trained_however_few_are_allowed(
    algorithm: str, is_continuous: bool, tmp_path: Path
):
    lr = {"train.lr": {"low": 1e-4, "high": 1e-2, "log": True}} if is_continuous else {}
    space = TIGHT | {"hyper": TIGHT["hyper"] | lr}
    config = contract_study(
        algorithm, space, search={"algorithm": algorithm, "n_trials": 5, "n_startup": 3}
    )
    simulated = SimulatedSearch(config, tmp_path)
    simulated.run()
    records = simulated.ledger.records
    assert len(records) == (5 if is_continuous else 4)
    for record in records:
        assert config.space.refusal(candidate_of(record.config, config.space)) is None
        assert (record.config.model.d_model, record.config.model.ffn) == (16, 112)


def test_a_constraint_on_parameters_bounds_what_is_trained(tmp_path: Path):
    space = {"depth": [2, 3, 4, 5], "n_reservoirs": 0, "decoder_depth": 1}
    config = contract_study("random", space | {"where": "mparams_total <= 0.1 * depth + 0.1"})
    simulated = SimulatedSearch(config, tmp_path)  # 0.1 M for each L and 0.2 M
    simulated.run()
    assert not simulated.ledger.records
    assert "where 'mparams_total <= 0.1 * depth + 0.1'" in str(simulated.trials.last_refusal)


WHOLE: dict[str, Any] = {
    "depth": 2,
    "decoder_depth": 1,
    "hyper": {"train.warmup_updates": {"low": 1, "high": 3}},
}


def distributions(simulated: SimulatedSearch) -> set[type]:
    asked = [trial.distributions["train.warmup_updates"] for trial in simulated.trials.suggestions]
    return {type(each) for each in asked}


def test_optuna_is_asked_for_whole_numbers_and_gives_each_as_often():
    space = contract_study("random", WHOLE).space
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    found = [
        space.choose(OptunaChooser(study.ask())).hyper["train.warmup_updates"] for _ in range(300)
    ]
    # 100 of each expected, with a standard deviation of 8; the ends came 75 times before.
    assert all(75 < found.count(n) < 125 for n in (1, 2, 3))


@pytest.mark.parametrize("algorithm", ["tpe", "surrogate", "random"])
def test_a_study_whose_journal_has_real_numbers_for_whole_ones_goes_on(
    algorithm: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    config = contract_study(
        algorithm, WHOLE, search={"algorithm": algorithm, "n_trials": 8, "n_startup": 2}
    )

    def as_earlier(self: Any, name: str, low: int, high: int, *, log: bool, step: Any) -> int:
        return round(self._trial.suggest_float(name, float(low), float(high), log=log))

    with monkeypatch.context() as patched:
        patched.setattr(OptunaChooser, "whole", as_earlier)
        earlier = SimulatedSearch(config, tmp_path)
        for _ in range(3):
            earlier.end(*earlier.ask(), "completed")
        assert distributions(earlier) == {FloatDistribution}
    keys = [record.key for record in earlier.ledger.records]
    resumed = SimulatedSearch(config, tmp_path)
    resumed.run()
    records = resumed.ledger.records
    assert [record.key for record in records][:3] == keys
    assert len({record.key for record in records}) == 8
    assert distributions(resumed) == {FloatDistribution}
    for trial in resumed.trials.suggestions[:3]:
        assert config.space.choose(FixedChooser(trial.params)).key in keys


def test_a_new_study_asks_for_whole_numbers(tmp_path: Path):
    simulated = SimulatedSearch(contract_study("tpe", WHOLE), tmp_path)
    simulated.end(*simulated.ask(), "completed")
    assert distributions(simulated) == {IntDistribution}


def test_settings_with_lists_and_constraints_read_back_as_they_were_resolved(
    tiny_study: Callable[..., StudyConfig],
):
    study = contract_study("tpe", LISTED, search={"first": ["LLLL", {"encoder": "LLL"}]})
    assert study_from(study.model_dump(mode="json", exclude={"model"}), "again") == study
