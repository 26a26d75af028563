"""Optuna's journal, damaged or gone, is written anew from the trials' records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from search.study.config import StudyConfig
from search.study.ledger import sorted_records
from search.suggest.contract import (
    LISTS,
    SimulatedSearch,
    contract_study,
    some_fail_and_some_stop,
)
from search.suggest.journal_rebuild import rebuild_journal
from search.suggest.optuna_journal import read_journal
from search.suggest.suggestion_journal import SuggestionJournal
from spaces.chooser import FixedChooser
from spaces.errors import UserError

N_TRIALS = 7
Searched = tuple[StudyConfig, Path]


@pytest.fixture
def searched(tmp_path: Path) -> Searched:
    """An ended search with repeated suggestions and ones that are out of bounds."""
    config = contract_study(
        "random",
        {**LISTS, "depth": [2, 3], "decoder_depth": 1, "share_reservoir": "none"},
        objective={"max_mparams": 0.45},
        search={"algorithm": "random", "n_trials": N_TRIALS, "n_startup": 3},
    )
    SimulatedSearch(config, tmp_path).run(some_fail_and_some_stop)
    return config, tmp_path


def suggestions(config: StudyConfig, place: Path) -> list[tuple[Any, ...]]:
    return [
        (trial.number, trial.state, trial.values, trial.params, trial.user_attrs, trial.constraints)
        for trial in read_journal(place / "optuna.log", study=config.name).trials
    ]


def rebuild(config: StudyConfig, place: Path) -> None:
    """As ``doctor --mend`` does."""
    records = sorted_records(place / "trials.jsonl")
    rebuild_journal(place / "optuna.log", config, records)
    SuggestionJournal.open(config, place / "optuna.log").settle(records)


def test_one_damaged_line_anywhere_costs_at_most_the_suggestion_that_it_is_of(searched: Searched):
    config, place = searched
    log = place / "optuna.log"
    before, lines = suggestions(config, place), log.read_bytes().splitlines(keepends=True)
    assert any("known" in marks for *_, marks, _ in before)
    assert any("out_of_bounds" in marks for *_, marks, _ in before)
    own = {record.optuna_number for record in sorted_records(place / "trials.jsonl")}
    begins = [n for n, line in enumerate(lines) if b'"op_code":4' in line]
    for number in (0, begins[1], begins[-2], len(lines) // 2, len(lines) - 1):
        damaged = [*lines[:number], b"\xff" + lines[number][1:], *lines[number + 1 :]]
        log.write_bytes(b"".join(damaged))
        with pytest.raises(UserError, match=rf"optuna\.log: line {number + 1} is no .*--mend$"):
            read_journal(log, study=config.name)
        with pytest.raises(UserError, match=rf"optuna\.log: line {number + 1} is no .*--mend$"):
            SimulatedSearch(config, place)
        rebuild(config, place)
        after = suggestions(config, place)
        assert len(after) == len(before), number
        differing = [old[0] for old, new in zip(before, after, strict=True) if old != new]
        assert len(differing) <= 1, number
        assert not own.intersection(differing), number


def test_a_lost_journal_has_the_outcome_of_each_trial_again(searched: Searched):
    config, place = searched
    before = suggestions(config, place)
    (place / "optuna.log").unlink()
    with pytest.raises(UserError, match=r"optuna\.log: lacks suggestion \d+, that of trial 0; "):
        SimulatedSearch(config, place)
    (place / "optuna.log").unlink()
    rebuild(config, place)
    after = suggestions(config, place)
    numbers = [record.optuna_number for record in sorted_records(place / "trials.jsonl")]
    assert len(numbers) == N_TRIALS
    for number in numbers:
        assert after[number][1:3] == before[number][1:3]
        old, new = (
            config.space.choose(FixedChooser(read[number][3])).key for read in (before, after)
        )
        assert old == new
    SimulatedSearch(config, place)  # and a driver takes it


def test_a_trial_that_optuna_knows_and_the_ledger_lost_stops_a_driver(searched: Searched):
    config, place = searched
    trials = place / "trials.jsonl"
    lines = trials.read_text().splitlines(keepends=True)
    trials.write_text("".join(line for line in lines if '"id": 0,' not in line))
    with pytest.raises(
        UserError, match=r"trials\.jsonl: lacks the trial of suggestion \d+, .*--mend"
    ):
        SimulatedSearch(config, place)
