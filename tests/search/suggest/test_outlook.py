"""Expected gain of more trials of a study."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from search.study.config import StudyConfig
from search.study.trial_record import TrialRecord
from search.suggest.outlook import Outlook, study_outlook
from spaces.chooser import FixedChooser
from trainable.config import TrialConfig

Study = Callable[..., StudyConfig]
Make = Callable[..., TrialRecord]


@pytest.fixture
def config(tiny_study: Study) -> StudyConfig:
    return tiny_study(search={"algorithm": "random", "n_trials": 40})


def trained(config: StudyConfig, make_record: Make, data: Path) -> list[TrialRecord]:
    """Every model of the space; the deeper in the list, the larger its area."""
    by_key: dict[str, TrialConfig] = {}
    for point in config.space.points():
        candidate = config.space.choose(FixedChooser(point))
        by_key.setdefault(candidate.key, config.trial(candidate, data=str(data)))
    return [
        dataclasses.replace(
            make_record(n, aucc=10.0 + n, objective=10.0 + n), config=trial, key=key
        )
        for n, (key, trial) in enumerate(by_key.items())
    ]


def outlook(config: StudyConfig, records: list[TrialRecord], data: Path) -> Outlook:
    found = study_outlook(config, records, data=str(data))
    assert found is not None
    return found


def test_nothing_is_expected_of_a_space_that_is_trained_whole(
    config: StudyConfig, make_record: Make, small_grammar: Path
):
    records = trained(config, make_record, small_grammar)
    assert outlook(config, records, small_grammar) == Outlook(n_untried=0, improvement=0.0)
    left = outlook(config, records[:-2], small_grammar)
    assert left.n_untried == 2
    assert left.improvement > 0.0


def test_without_a_winner_there_is_no_outlook(config: StudyConfig, small_grammar: Path):
    assert study_outlook(config, [], data=str(small_grammar)) is None
