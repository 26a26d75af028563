"""A user's own search algorithm: that of the guide, and broken ones."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from search.doctor.suggestions import check_suggestions
from search.report.reported_study import read_study
from search.run.driver import start_study
from search.study.config import StudyConfig
from search.study.ledger import Ledger
from search.suggest.algorithms import check_algorithm
from search.suggest.contract import (
    FOUR_LAYOUTS,
    LISTS,
    ProposerContract,
    SimulatedSearch,
    contract_study,
    some_fail_and_some_stop,
)
from search.suggest.history import History
from search.suggest.suggestion_journal import SuggestionJournal
from spaces.chooser import FixedChooser
from spaces.errors import UserError
from tests.search.guide_examples import example
from tests.search.report_studies import searched_study

Study = Callable[..., StudyConfig]

BROKEN = '''
import numpy as np


class Outside:
    def __init__(self, problem): ...

    def propose(self, history):
        return {"depth": 99}


class Always:
    """The same point again and again; with NumPy's numbers, and more than is asked."""

    def __init__(self, problem):
        self._point = next(problem.space.points()) | {"nonsense": 1}

    def propose(self, history):
        numbers = {name: np.int64(v) for name, v in self._point.items() if isinstance(v, int)}
        return self._point | numbers


class TooLarge:
    """The points in order, those over the bound too; it counts what it has suggested."""

    def __init__(self, problem):
        self._points = list(problem.space.points())

    def propose(self, history):
        return self._points[len(history)] if len(history) < len(self._points) else None


class NeedsMore:
    def __init__(self, problem, temperature): ...

    def propose(self, history): ...


class NoMethod:
    def __init__(self, problem): ...


value = 3
'''


@pytest.fixture(autouse=True)
def modules_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The guide's module and broken ones in the current directory."""
    place = tmp_path / "modules"
    place.mkdir()
    (place / "my_search.py").write_text(example("Your own search algorithm"))
    (place / "my_broken.py").write_text(BROKEN)
    (place / "my_torn.py").write_text("import nowhere_at_all\n")
    (place / "my_wrong.py").write_text("1 / 0\n")
    monkeypatch.chdir(place)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield
    for name in ("my_search", "my_broken", "my_torn", "my_wrong"):
        sys.modules.pop(name, None)


class TestTheGuidesAlgorithm(ProposerContract):
    algorithm = "my_search:Mutation"


def study(algorithm: str, **tables: Any) -> StudyConfig:
    return contract_study(algorithm, LISTS, **tables)


def test_a_study_is_read_where_its_algorithm_is_not_installed():
    assert study("nowhere.at_all:Mine").search.algorithm == "nowhere.at_all:Mine"


@pytest.mark.parametrize(
    ("algorithm", "told"),
    [
        ("nowhere_at_all:Mine", "no module 'nowhere_at_all' is installed or in "),
        ("my_search.deeper:Mine", "no module 'my_search.deeper' is installed or in "),
        ("my_torn:Mine", "importing my_torn failed: No module named 'nowhere_at_all'"),
        ("my_wrong:Mine", "importing my_wrong failed: ZeroDivisionError: division by zero"),
        ("my_search:Nothing", "module my_search has no 'Nothing'"),
        ("my_broken:value", "value is of type int; name a class"),
        ("my_broken:NoMethod", "it has no method propose(history)"),
        ("my_broken:NeedsMore", "missing a required argument: 'temperature'"),
        ("optuna.samplers:GridSampler", "missing a required argument: 'search_space'"),
    ],
)
def test_what_an_algorithm_lacks_is_told_in_a_line_before_anything_is_written(
    algorithm: str, told: str
):
    with pytest.raises(UserError) as error:
        check_algorithm(study(algorithm))
    (line,) = str(error.value).split("\n")
    assert line.startswith(f"search.algorithm '{algorithm}': ")
    assert told in line


def test_a_search_without_its_algorithm_leaves_nothing_behind(
    tiny_study: Study, small_grammar: Path
):
    config = tiny_study(data=str(small_grammar), search={"algorithm": "nowhere_at_all:Mine"})
    with pytest.raises(UserError, match="no module 'nowhere_at_all'"):
        start_study(config, Path("tiny.toml"))
    assert not Path("studies").exists()


@pytest.mark.parametrize("algorithm", ["my_search:Mutation", "optuna.samplers:QMCSampler", "tpe"])
def test_an_algorithm_that_is_there_is_accepted(algorithm: str):
    check_algorithm(study(algorithm))


def test_a_point_outside_the_space_ends_the_search_with_the_users_mistake(tmp_path: Path):
    simulated = SimulatedSearch(study("my_broken:Outside"), tmp_path)
    with pytest.raises(UserError, match=r"'my_broken:Outside': propose\(\) gave a point outside"):
        simulated.run()


def test_one_that_repeats_itself_is_passed_over_until_a_small_space_is_searched(tmp_path: Path):
    simulated = SimulatedSearch(contract_study("my_broken:Always", FOUR_LAYOUTS), tmp_path)
    simulated.run()
    counts = simulated.trials.counts()
    assert counts.n_trained == 4
    assert counts.n_suggestions == counts.n_trained + counts.n_repeated
    assert all(trial.state.is_finished() for trial in simulated.trials.suggestions)


def test_points_out_of_bounds_are_in_the_history_and_not_trained(tmp_path: Path):
    space = {**LISTS, "depth": [3, 2], "interleaving": "bottom"}
    config = contract_study("my_broken:TooLarge", space, objective={"max_mparams": 0.35})
    simulated = SimulatedSearch(config, tmp_path)
    simulated.run()
    assert max(record.n_mparams for record in simulated.ledger.records) <= 0.35
    counts = simulated.trials.counts()
    assert counts.n_out_of_bounds > 0
    assert counts.n_suggestions == counts.n_trained + counts.n_repeated + counts.n_out_of_bounds


def test_the_history_holds_every_suggestion_in_order_with_its_point_and_outcome(tmp_path: Path):
    config = study("my_search:Mutation", objective={"max_mparams": 0.45})
    simulated = SimulatedSearch(config, tmp_path)
    simulated.run(some_fail_and_some_stop)
    journal = simulated.trials.suggestions
    history = History(config.space, simulated.ledger).suggested(journal)
    assert [each.point for each in history] == [trial.params for trial in journal]
    marks = {"repeated": "known", "out_of_bounds": "out_of_bounds"}
    for each, trial in zip(history, journal, strict=True):
        assert each.candidate.key == config.space.choose(FixedChooser(each.point)).key
        assert each.outcome == "trained" or marks[each.outcome] in trial.user_attrs
        assert (each.trial is None) == (each.outcome == "out_of_bounds")
    trained = [each.trial for each in history if each.outcome == "trained"]
    assert trained == simulated.ledger.records


def test_doctor_and_report_know_its_suggestions_without_the_algorithm(
    tiny_study: Study, tmp_path: Path, small_grammar: Path
):
    config = tiny_study(search={"algorithm": "my_search:Mutation", "n_trials": 12})
    folder = searched_study(config, tmp_path / "tiny", small_grammar)
    sys.modules.pop("my_search")
    Path("my_search.py").unlink()
    read = read_study(folder)
    assert len(read.records) == 12
    assert len(read.suggestions.trials) == 12 + read.suggestions.n_repeats.total()
    finding = check_suggestions(folder.optuna_log, read.records, folder.config())
    assert not finding.faults
    ledger = Ledger.open(folder.trials)
    journal = SuggestionJournal.open(config, folder.optuna_log)
    journal.settle(ledger.records)
    assert journal.counts(n_trained=len(ledger)).n_trained == 12
