"""What every search algorithm must do, tried without training: curves come from a formula."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from ray.tune.search import Searcher

from search.study.config import ProxyConfig, StudyConfig
from search.study.trained_candidate import candidate_of
from search.suggest import contract
from search.suggest.contract import (
    LISTS,
    RANGES,
    AlgorithmContract,
    ProposerContract,
    some_fail_and_some_stop,
)
from search.suggest.earlier_studies import EarlierTrial
from search.suggest.proxy import N_AT_FIRST, Proxy
from spaces.chooser import FixedChooser
from trainable.config import TrialConfig

PROXY = ProxyConfig(measure="lyapunov", prefer="low", keep=0.5, audit=0.25)
ALGORITHMS = ("tpe", "surrogate", "random", "gp", "nsga2", "cmaes", "grid")
SPACE = LISTS


def study(algorithm: str, **tables: Any) -> StudyConfig:
    space = LISTS if algorithm == "grid" else {**LISTS, **RANGES}
    return contract.contract_study(algorithm, **{"space": space, **tables})


class SimulatedSearch(contract.SimulatedSearch):
    """With a proxy by ``measure``."""

    def __init__(
        self,
        config: StudyConfig,
        folder: Path,
        earlier: Sequence[EarlierTrial] = (),
        measure: Callable[[TrialConfig], float | None] | None = None,
    ) -> None:
        super().__init__(config, folder, earlier, Proxy(PROXY, measure) if measure else None)


class TestOptunasSamplers(AlgorithmContract):
    @pytest.fixture(
        autouse=True,
        params=["tpe", "random", "gp", "nsga2", "optuna.samplers:QMCSampler"],
    )
    def _named(self, request: pytest.FixtureRequest):
        self.algorithm = request.param


class TestAnExhaustiveSampler(AlgorithmContract):
    """It stops Optuna's study when it has gone through the space, and knows no ranges."""

    algorithm = "optuna.samplers:BruteForceSampler"
    space = LISTS


class TestCmaEs(AlgorithmContract):
    algorithm = "cmaes"
    test_it_ends_when_every_layout_of_a_small_space_is_trained = None  # it needs ranges


class TestTheSurrogate(ProposerContract):
    algorithm = "surrogate"


class TestTheGrid(ProposerContract):
    algorithm = "grid"
    space = LISTS


def test_a_repeat_of_a_running_trial_waits_and_takes_its_value(tmp_path: Path):
    space = {"depth": 2, "n_reservoirs": [0, 1], "interleaving": "bottom", "decoder_depth": 1}
    simulated = SimulatedSearch(study("random", space=space), tmp_path)
    first_id, first = simulated.ask()
    second_id, second = simulated.ask()
    assert first["trial"]["model"]["encoder"] != second["trial"]["model"]["encoder"]
    assert simulated.ask()[1] is None  # two run already
    simulated.end(first_id, first, "completed")
    assert simulated.ask()[1] == Searcher.FINISHED
    simulated.end(second_id, second, "completed")
    trials = simulated.trials.suggestions
    values = {record.id: record.objective for record in simulated.ledger.records}
    waited = [trial for trial in trials if "known" in trial.user_attrs]
    assert waited
    assert all(trial.value == values[trial.user_attrs["known"]] for trial in waited)
    counts = simulated.trials.counts()
    assert counts.n_suggestions == counts.n_trained + counts.n_repeated == len(trials)


def test_a_candidate_over_the_bound_on_parameters_is_never_trained(tmp_path: Path):
    config = study("tpe", objective={"max_mparams": 0.45})
    simulated = SimulatedSearch(config, tmp_path)
    simulated.run()
    assert max(record.n_mparams for record in simulated.ledger.records) <= 0.45
    counts = simulated.trials.counts()
    assert counts.n_out_of_bounds > 0
    assert counts.n_suggestions == counts.n_trained + counts.n_repeated + counts.n_out_of_bounds


@pytest.mark.parametrize("algorithm", ["surrogate", "tpe", "random", "gp", "nsga2"])
def test_a_pareto_study_tells_optuna_both_objectives(algorithm: str, tmp_path: Path):
    config = study(algorithm, objective={"name": "pareto"}, scheduler={"name": "none"})
    simulated = SimulatedSearch(config, tmp_path)
    simulated.run(lambda id_: "failed" if id_ == 3 else "completed")
    for record in simulated.ledger.records:
        trial = simulated.trials.suggestions[record.optuna_number]
        expected = None if record.id == 3 else [record.aucc, record.n_mparams]
        assert trial.values == expected


def test_a_grid_passes_over_what_is_out_of_bounds_to_its_end(tmp_path: Path):
    # The first 3 x 32 points are too deep; the bound leaves those of depth 2 alone.
    space = {**SPACE, "depth": [12, 2], "n_reservoirs": [0, 1], "decoder_depth": 1}
    config = study("grid", space=space, objective={"max_mparams": 0.45})
    simulated = SimulatedSearch(config, tmp_path)
    simulated.run()
    assert {record.encoder.depth for record in simulated.ledger.records} == {2}
    assert simulated.trials.counts().n_out_of_bounds == 0


def test_a_torn_last_line_of_optunas_log_costs_nothing(tmp_path: Path):
    simulated = SimulatedSearch(study("random"), tmp_path)
    tune_id, suggested = simulated.ask()
    simulated.end(tune_id, suggested, "completed")
    log = tmp_path / "optuna.log"
    log.write_bytes(log.read_bytes() + b'{"op_code": 4, "work')
    for _ in range(2):
        resumed = SimulatedSearch(study("random"), tmp_path)
        tune_id, suggested = resumed.ask()
        resumed.end(tune_id, suggested, "completed")
    assert len(resumed.ledger.records) == 3


FIRST = ["LLLL", "R1LR1", "LR"]


def with_first(algorithm: str, **search: Any) -> StudyConfig:
    return study(
        algorithm,
        search={"algorithm": algorithm, "n_trials": 6, "n_startup": 5, "first": FIRST, **search},
    )


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_first_layouts_are_trained_before_all_others_and_once(algorithm: str, tmp_path: Path):
    simulated = SimulatedSearch(with_first(algorithm), tmp_path)
    simulated.run()
    layouts = [record.canonical for record in simulated.ledger.records]
    assert layouts[:3] == FIRST
    assert len({record.key for record in simulated.ledger.records}) == len(layouts) == 6
    suggestions = simulated.trials.suggestions
    for record in simulated.ledger.records[:3]:
        assert suggestions[record.optuna_number].value == record.objective


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_resumed_study_goes_on_with_the_first_layouts_that_are_left(
    algorithm: str, tmp_path: Path
):
    simulated = SimulatedSearch(with_first(algorithm), tmp_path)
    tune_id, suggested = simulated.ask()
    simulated.end(tune_id, suggested, "completed")
    simulated.ask()
    resumed = SimulatedSearch(with_first(algorithm), tmp_path)
    resumed.run()
    layouts = [record.canonical for record in resumed.ledger.records]
    assert layouts[:3] == FIRST
    assert len({record.key for record in resumed.ledger.records}) == 6


def test_a_first_layout_over_the_bound_is_warned_of_and_not_trained(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    config = with_first("random").model_copy(
        update={"objective": study("random", objective={"max_mparams": 0.45}).objective}
    )
    simulated = SimulatedSearch(config, tmp_path)
    simulated.run()
    # LLLL has 0.6 M by ``count``, the others 0.3 M.
    assert [record.canonical for record in simulated.ledger.records][:2] == FIRST[1:]
    assert "search.first 'LLLL' is not trained: 0.600 M" in caplog.text


def taught_by(simulated: SimulatedSearch) -> list[EarlierTrial]:
    """The trials of another study, as knowledge for one with the same space."""
    space = simulated.config.space
    return [
        EarlierTrial(
            study="other", record=record, point=space.encode(candidate_of(record.config, space))
        )
        for record in simulated.ledger.records
        if record.state == "completed"
    ]


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Of an earlier study and of one that learns from it."""
    for name in ("earlier", "new"):
        (tmp_path / name).mkdir()
    return tmp_path / "earlier", tmp_path / "new"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_trials_of_earlier_studies_are_known_to_optuna_and_are_no_results(
    algorithm: str, folders: tuple[Path, Path]
):
    config = with_first(algorithm, first=[])
    earlier = SimulatedSearch(config, folders[0])
    earlier.run(some_fail_and_some_stop)
    taught = taught_by(earlier)
    assert [trial.record.id for trial in taught] == [0, 3]
    simulated = SimulatedSearch(config, folders[1], taught)
    suggestions = simulated.trials.suggestions
    assert [trial.value for trial in suggestions] == [trial.record.objective for trial in taught]
    assert [trial.params for trial in suggestions] == [trial.point for trial in taught]
    assert simulated.ledger.records == []
    simulated.run()
    assert len(simulated.ledger.records) == 6
    counts = simulated.trials.counts()
    n_trials = len(simulated.trials.suggestions)
    assert counts.n_suggestions == counts.n_trained + counts.n_repeated == n_trials - len(taught)


@pytest.mark.parametrize("n_before", [0, 1, 3])
def test_a_driver_tells_only_what_the_one_before_did_not(n_before: int, folders: tuple[Path, Path]):
    earlier = SimulatedSearch(study("tpe"), folders[0])
    earlier.run()
    taught = taught_by(earlier)
    killed = SimulatedSearch(study("tpe"), folders[1], taught[:n_before])
    # Cut off between queueing a trial and telling its outcome.
    killed.trials._journal.queue(taught[n_before].point, {"earlier": taught[n_before].name})
    for _ in range(2):
        resumed = SimulatedSearch(study("tpe"), folders[1], taught)
        trials = resumed.trials.suggestions
        values = [trial.value for trial in trials if trial.state.name == "COMPLETE"]
        assert sorted(values) == sorted(trial.record.objective for trial in taught)
        assert {trial.state.name for trial in trials} == {"COMPLETE", "FAIL"}
        assert resumed.trials.counts().n_suggestions == 0


def test_a_pareto_study_learns_both_objectives_of_earlier_trials(folders: tuple[Path, Path]):
    config = study("tpe", objective={"name": "pareto"}, scheduler={"name": "none"})
    earlier = SimulatedSearch(config, folders[0])
    earlier.run()
    simulated = SimulatedSearch(config, folders[1], taught_by(earlier))
    values = [trial.values for trial in simulated.trials.suggestions]
    assert values == [[record.aucc, record.n_mparams] for record in earlier.ledger.records]


def test_the_best_of_an_earlier_study_can_be_trained_again(folders: tuple[Path, Path]):
    space = {**SPACE, "decoder_depth": 1}
    whole = {"algorithm": "grid", "n_trials": 400}
    earlier = SimulatedSearch(study("grid", space=space, search=whole), folders[0])
    earlier.run()
    simulated = SimulatedSearch(study("surrogate", space=space), folders[1], taught_by(earlier))
    _, suggested = simulated.ask()
    first = simulated.ledger[suggested["id"]].key
    ranked = sorted(earlier.ledger.records, key=lambda record: -(record.objective or 0.0))
    assert len(ranked) > 30
    assert first in [record.key for record in ranked[:3]]


def arbitrary(config: TrialConfig) -> float:
    """A measure that has nothing to do with ``curve_of``."""
    return float(zlib.crc32(str(config.model.encoder).encode()))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_the_proxy_discards_is_never_trained(algorithm: str, tmp_path: Path):
    search = {"algorithm": algorithm, "n_trials": 20, "n_startup": 5, "first": ["LLLL"]}
    config = study(algorithm, search=search)
    for n_trials in (10, 20):  # the second driver goes on where the first was ended
        part = config.model_copy(
            update={"search": config.search.model_copy(update={"n_trials": n_trials})}
        )
        simulated = SimulatedSearch(part, tmp_path, measure=arbitrary)
        simulated.run()
    suggestions = simulated.trials.suggestions
    discarded = [trial for trial in suggestions if "discarded" in trial.user_attrs]
    assert discarded
    assert not {t.number for t in discarded} & {r.optuna_number for r in simulated.ledger.records}
    assert all(trial.state.is_finished() for trial in suggestions)
    keys = {config.space.choose(FixedChooser(trial.params)).key for trial in discarded}
    assert not keys & {record.key for record in simulated.ledger.records}
    counts = simulated.trials.counts()
    assert counts.n_discarded == len(discarded)
    assert counts.n_suggestions == counts.n_trained + counts.n_repeated + counts.n_discarded
    # In the order of the suggestions: each was judged by the rank among those before it.
    measured = [trial for trial in suggestions if "proxy" in trial.user_attrs]
    values = [trial.user_attrs["proxy"]["value"] for trial in measured]
    for number, trial in enumerate(measured):
        rank = sum(value < values[number] for value in values[:number]) / (number + 1)
        is_kept = not {"discarded", "audited"} & trial.user_attrs.keys()
        is_wanted = number < N_AT_FIRST or "first" in trial.user_attrs
        assert is_kept == (is_wanted or rank < PROXY.keep)
