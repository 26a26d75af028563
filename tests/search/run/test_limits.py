"""Limits of a search as a whole: its time, its failures, and what resume may change."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from search.run import search_time
from search.run.driver import resume_study
from search.run.limited_trials import LimitedTrials, failures_fault
from search.run.search_time import SearchTime
from search.study.changed_settings import changed_settings
from search.study.config import StudyConfig
from search.study.folder import StudyFolder
from search.study.ledger import Ledger
from search.study.trial_record import TrialRecord
from search.suggest.trial_source import NextTrial, TrialSource
from spaces.errors import UserError

Make = Callable[..., TrialRecord]
Study = Callable[..., StudyConfig]


class Endless(TrialSource):
    """Trials without end."""

    def __init__(self, make_record: Make) -> None:
        self._new = (make_record(id_, state="running") for id_ in itertools.count())

    def next_trial(self) -> NextTrial:
        return next(self._new)

    def n_to_come(self) -> int:
        return 1000


def n_started(source: TrialSource, end: Callable[[TrialRecord], None]) -> int:
    for n in range(100):
        found = source.next_trial()
        if not isinstance(found, TrialRecord):
            assert found == "never"
            assert source.n_to_come() == 0
            return n
        assert source.n_to_come() > 0
        end(found)
        source.end(found, {})
    raise AssertionError("no limit was reached")


def test_no_trial_begins_after_the_time_of_all_sessions_and_raising_it_goes_on(
    recorded_study: Callable[..., StudyFolder],
    make_record: Make,
    tiny_study: Study,
    monkeypatch: pytest.MonkeyPatch,
):
    now = 0.0
    monkeypatch.setattr(search_time.time, "monotonic", lambda: now)
    folder = recorded_study("one")
    ledger = Ledger.open(folder.trials)

    def session(timeout: str) -> int:
        def minute(_: TrialRecord) -> None:
            nonlocal now
            now += 60

        limits = tiny_study(search={"timeout": timeout}).search
        with SearchTime.of_session(folder) as time:
            return n_started(LimitedTrials(Endless(make_record), limits, ledger, time), minute)

    assert session("3m") == 3
    now += 1000  # between sessions
    assert session("3m") == 0
    assert session("0.1h") == 3
    assert folder.spent_s() == 360


def test_a_search_ends_at_its_failures_and_names_their_reasons(
    recorded_study: Callable[..., StudyFolder], make_record: Make, tiny_study: Study, tmp_path: Path
):
    ledger = Ledger.open(tmp_path / "trials.jsonl")
    limits = tiny_study(search={"max_failed": 3}).search

    def fail_every_second(record: TrialRecord) -> None:
        failed = {"state": "failed", "reason": "diverged" if record.id < 4 else "no memory"}
        ledger.put(make_record(record.id, **(failed if record.id % 2 else {})))

    source = LimitedTrials(Endless(make_record), limits, ledger, SearchTime(recorded_study("one")))
    assert n_started(source, fail_every_second) == 6
    assert failures_fault(ledger.records, 4) is None
    assert failures_fault(ledger.records, None) is None
    assert failures_fault(ledger.records, 3) == (
        "search.max_failed 3: 3 trials have failed (trial 1, 3: diverged; trial 5: no memory)"
    )


def test_limits_may_change_in_a_study_and_what_makes_its_trials_compare_may_not(tiny_study: Study):
    config = tiny_study(search={"timeout": "1h"})
    assert changed_settings(config, []) == config
    changed = changed_settings(config, ["search.timeout=2h", "search.max_failed=2"])
    assert (changed.search.timeout, changed.search.max_failed) == ("2h", 2)
    assert changed.budget == config.budget
    for setting in ("train.lr=1e-3", "search.algorithm=tpe", "seed=2"):
        with pytest.raises(UserError, match=rf"^--set '{setting}': .* keeps its [^\n]*$"):
            changed_settings(config, [setting])
    assert changed_settings(config, ["budget.updates=99"]).budget.updates == 99
    # The last is below scheduler.grace too, which is not what is wrong with it.
    for shorter in ("budget.updates=11", "budget.seconds=60", "budget.updates=3"):
        with pytest.raises(UserError, match=rf"^--set {shorter}: .* may only go on longer"):
            changed_settings(config, [shorter])
    with pytest.raises(UserError, match=r"--set: search\.timeout 'long': is no time"):
        changed_settings(config, ["search.timeout=long"])
    with pytest.raises(UserError, match=r'search\.timeout 5: must be a time in quotes, as "90s"'):
        changed_settings(config, ["search.timeout=5"])


def test_resume_refuses_before_ray_starts_and_changes_nothing(
    recorded_study: Callable[..., StudyFolder],
):
    folder = recorded_study("one")
    before = folder.config()
    with pytest.raises(UserError, match=r"keeps its train\.lr"):
        resume_study(folder, settings=["search.timeout=2h", "train.lr=1e-3"])
    assert folder.config() == before
