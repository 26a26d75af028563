"""The contract of a search algorithm, as tests that a user's own can be put through.

In a test module, for pytest::

    class TestMine(AlgorithmContract):
        algorithm = "my_module:MyProposer"

Nothing is trained: the curves come from a formula.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import log
from pathlib import Path
from typing import Any, ClassVar

from ray.tune.search import Searcher

from search.study.config import StudyConfig, study_from
from search.study.ledger import Ledger
from search.study.trained_candidate import candidate_of
from search.suggest.earlier_studies import EarlierTrial
from search.suggest.proxy import Proxy
from search.suggest.searcher import TrialSearcher
from search.suggest.study_trials import StudyTrials
from spaces.candidate_size import CandidateSize
from spaces.counts import ParamCounts
from trainable.aucc import aucc
from trainable.config import TrialConfig
from trainable.curve import Point

LISTS: Mapping[str, Any] = {  # more layouts than N_TRIALS
    "depth": [2, 3, 4],
    "n_reservoirs": [0, 1, 2],
    "interleaving": ["bottom", "top", "alternating-r-first"],
    "share_learned": ["none", "all"],
    "share_reservoir": ["none", "all"],
    "decoder_depth": [1, 2],
}
RANGES: Mapping[str, Any] = {
    "reservoir_gain": {"low": 0.5, "high": 4.0, "log": True},
    "hyper": {"train.lr": {"low": 1e-4, "high": 1e-2, "log": True}},
}
# LL, L1L1, RL, LR: with no R or one of two layers there is nothing more to choose.
FOUR_LAYOUTS: Mapping[str, Any] = {
    "depth": 2,
    "n_reservoirs": [0, 1],
    "interleaving": ["bottom", "top"],
    "share_learned": ["none", "all"],
    "decoder_depth": 1,
}
N_TRIALS = 14
_N_POINTS = {"completed": 3, "stopped": 1, "failed": 0}  # of a trial's curve


def contract_study(algorithm: str, space: Mapping[str, Any], **tables: Any) -> StudyConfig:
    """A study of the contract; ``tables`` go over its own."""
    values = {
        "name": "contract",
        "data": "d",
        "space": space,
        "budget": {"updates": 30},
        "search": {"algorithm": algorithm, "n_trials": N_TRIALS, "n_startup": 5},
        **tables,
    }
    return study_from(values, "contract")


def size(config: TrialConfig) -> CandidateSize:
    """A size that grows with the learned layers."""
    n_params = 100_000 * (config.model.encoder.kinds.count("L") + 2)
    counts = ParamCounts(total=n_params, learned=n_params, stored=n_params, encoder=n_params)
    return CandidateSize(counts=counts, training_flops=1e6 * len(str(config.model.encoder)))


def curve_of(config: TrialConfig) -> list[Point]:
    """A straight line, the steeper the more reservoirs and the nearer the rate to 1e-3."""
    quality = 20 + 5 * config.model.encoder.kinds.count("R") - abs(log(config.train.lr / 1e-3))
    return [
        Point(
            updates=updates,
            seconds=float(updates),
            tokens=updates,
            flops=float(updates),
            score=max(0.0, quality * updates / 30),
            loss=3.0,
            train_loss=3.0,
        )
        for updates in (10, 20, 30)
    ]


class SimulatedSearch:
    """A search in ``folder``, two trials at a time, with the parts of Tune and the recorder."""

    def __init__(
        self,
        config: StudyConfig,
        folder: Path,
        earlier: Sequence[EarlierTrial] = (),
        proxy: Proxy | None = None,
    ) -> None:
        self.config = config
        self.ledger = Ledger.open(folder / "trials.jsonl")
        self.trials = StudyTrials.open(
            config,
            self.ledger,
            optuna_log=folder / "optuna.log",
            data="d",
            size=size,
            metric="BLEU",
            earlier=earlier,
            proxy=proxy,
        )
        self.searcher = TrialSearcher(
            self.ledger, self.trials, n_concurrent=lambda: 2, resume_from=lambda _record: None
        )
        self._n_asked = 0

    def ask(self) -> tuple[str, Any]:
        """Tune's id of a trial, and what the searcher suggests for it."""
        self._n_asked += 1
        tune_id = f"tune-{self._n_asked}"
        return tune_id, self.searcher.suggest(tune_id)

    def end(self, tune_id: str, suggested: Mapping[str, Any], state: str) -> None:
        """End a trial as ``completed``, ``stopped`` or ``failed``."""
        trial = TrialConfig.model_validate(suggested["trial"])
        curve = tuple(curve_of(trial)[: _N_POINTS[state]])
        area = aucc(curve, clock="updates", horizon=30, hold_last=False)
        id_ = suggested["id"]
        objective = area / (self.ledger[id_].counts.total / 1e6)
        self.ledger.update(id_, state=state, curve=curve, aucc=area, objective=objective)
        self.searcher.on_trial_complete(tune_id, result={"done": True})

    def run(self, state_of: Callable[[int], str] = lambda _id: "completed") -> None:
        """Search to the end, one trial after the other; ``state_of`` is by trial id."""
        while True:
            tune_id, suggested = self.ask()
            if suggested == Searcher.FINISHED:
                return
            self.end(tune_id, suggested, state_of(suggested["id"]))


def some_fail_and_some_stop(id_: int) -> str:
    """Two thirds of the trials do not come to their end."""
    return ("completed", "stopped", "failed")[id_ % 3]


class AlgorithmContract:
    """Tests that every search algorithm must pass; a subclass names one, and pytest runs it."""

    algorithm: str  # the value of search.algorithm
    space: ClassVar[Mapping[str, Any]] = {**LISTS, **RANGES}  # LISTS, if it knows no ranges

    def simulated(self, folder: Path) -> SimulatedSearch:
        """A search of the space, gone on with where ``folder`` holds one."""
        return SimulatedSearch(contract_study(self.algorithm, self.space), folder)

    def test_it_proposes_members_of_the_space_alone_and_none_twice(self, tmp_path: Path) -> None:
        simulated = self.simulated(tmp_path)
        simulated.run()
        records = simulated.ledger.records
        assert len(records) == len({record.key for record in records}) == N_TRIALS
        for record in records:  # encode raises where it is no member
            simulated.config.space.encode(candidate_of(record.config, simulated.config.space))

    def test_it_repeats_itself_with_the_same_seed(self, tmp_path: Path) -> None:
        keys = []
        for name in ("first", "second"):
            (tmp_path / name).mkdir()
            simulated = self.simulated(tmp_path / name)
            simulated.run(some_fail_and_some_stop)
            keys.append([record.key for record in simulated.ledger.records])
        assert keys[0] == keys[1]

    def test_it_survives_failed_and_stopped_trials_and_each_is_in_the_journal(
        self, tmp_path: Path
    ) -> None:
        simulated = self.simulated(tmp_path)
        simulated.run(some_fail_and_some_stop)
        trials = {trial.number: trial for trial in simulated.trials.suggestions}
        names = {"completed": "COMPLETE", "stopped": "PRUNED", "failed": "FAIL"}
        for record in simulated.ledger.records:
            assert record.optuna_number is not None
            trial = trials[record.optuna_number]
            assert trial.state.name == names[record.state]
            assert list(trial.intermediate_values) == [point.updates for point in record.curve]
            if record.state == "completed":
                assert trial.value == record.objective
        assert all(trial.state.is_finished() for trial in trials.values())

    def test_it_survives_that_every_trial_fails(self, tmp_path: Path) -> None:
        simulated = self.simulated(tmp_path)
        simulated.run(lambda _id: "failed")
        assert len(simulated.ledger.records) == N_TRIALS

    def test_a_resumed_search_goes_on_where_it_was_left(self, tmp_path: Path) -> None:
        simulated = self.simulated(tmp_path)
        for _ in range(4):
            tune_id, suggested = simulated.ask()
            simulated.end(tune_id, suggested, "completed")
        _, interrupted = simulated.ask()
        resumed = self.simulated(tmp_path)
        tune_id, again = resumed.ask()
        assert (again["id"], again["trial"]) == (interrupted["id"], interrupted["trial"])
        resumed.end(tune_id, again, "completed")
        resumed.run()
        keys = [record.key for record in resumed.ledger.records]
        assert len(keys) == len(set(keys)) == N_TRIALS

    def test_it_ends_when_every_layout_of_a_small_space_is_trained(self, tmp_path: Path) -> None:
        simulated = SimulatedSearch(contract_study(self.algorithm, FOUR_LAYOUTS), tmp_path)
        simulated.run()
        layouts = sorted(record.canonical for record in simulated.ledger.records)
        assert layouts == ["L1L1", "LL", "LR", "RL"]


class ProposerContract(AlgorithmContract):
    """Tests that a ``Proposer`` must pass, beside those of every search algorithm."""

    def test_a_resumed_search_proposes_what_an_unbroken_one_would(self, tmp_path: Path) -> None:
        keys = []
        for name, is_resumed in (("unbroken", False), ("resumed", True)):
            (tmp_path / name).mkdir()
            simulated = self.simulated(tmp_path / name)
            for id_ in range(N_TRIALS // 2):
                tune_id, suggested = simulated.ask()
                simulated.end(tune_id, suggested, some_fail_and_some_stop(id_))
                simulated = self.simulated(tmp_path / name) if is_resumed else simulated
            keys.append([record.key for record in simulated.ledger.records])
        assert keys[0] == keys[1]
