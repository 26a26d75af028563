from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from search.cli import app, exit_code
from search.replay.results_table import replay_json, replay_table
from search.replay.table_file import write_table
from search.replay.trace import Event, Replay, Trace
from search.study.config import StudyConfig
from search.study.trial_record import TrialRecord
from tests.search.command_line import reservoir_search
from tests.search.conftest import curve_point
from tests.search.replay.tables import UPDATES, candidates_of, made_table
from trainable.config import ObjectiveConfig

Study = Callable[..., StudyConfig]
Make = Callable[..., TrialRecord]


def replay_reaching(seed: int, *values: float | None) -> Replay:
    """A replay with one event per value, ten updates apart; the table's best is 100."""
    return Replay(
        seed=seed,
        events=tuple(
            Event(
                seconds=0.5 * n,
                n_updates=10 * n,
                n_trials=n,
                best_objective=value,
                best_value=value,
            )
            for n, value in enumerate(values, start=1)
        ),
        records=(),
        best_possible=100.0,
    )


def test_a_search_has_come_near_at_the_first_event_within_the_share():
    replayed = replay_reaching(1, None, 50.0, 98.9, 99.0, 99.5)
    assert replayed.updates_until(0.01) == 40
    assert replayed.updates_until(0.5) == 20
    assert replayed.updates_until(0.001) is None
    assert replayed.regret == pytest.approx(0.005)


def test_a_search_that_completed_nothing_regrets_all():
    assert replay_reaching(1).regret == 1.0
    assert replay_reaching(1, None).regret == 1.0


def test_a_median_over_seeds_counts_those_that_never_came_near_as_the_longest(tiny_study: Study):
    config = tiny_study()
    came, never = replay_reaching(1, 100.0), replay_reaching(2, 20.0, 30.0)
    results = replay_json(config, [came, came, never], n_workers=2)
    assert results["median"]["n_updates_to_near"] == 10
    assert [row["n_updates_to_near"] for row in results["replays"]] == [10, 10, None]
    results = replay_json(config, [came, never, never], n_workers=2)
    assert results["median"]["n_updates_to_near"] is None
    console = Console(width=120)
    with console.capture() as capture:
        console.print(replay_table(results))
    # In the columns updates, seconds and trials: two seeds, the median.
    assert capture.get().count("never") == 3 * 3


def test_a_trace_judges_the_trial_that_looks_best_by_its_candidates_mean(make_record: Make):
    times = iter((1.0, 2.0, 3.0))
    trace = Trace(ObjectiveConfig(), {"key-0": 20.0, "key-1": 10.0}, now=lambda: next(times))
    trace.note(make_record(0, state="running", curve=()))
    trace.note(make_record(0, objective=21.0))
    trace.note(make_record(1, state="running", curve=(curve_point(4, 2),), objective=99.0))
    trace.note(make_record(1, objective=22.0))
    events = [(e.n_updates, e.n_trials, e.best_objective, e.best_value) for e in trace.events]
    assert events == [(12, 1, 21.0, 20.0), (16, 2, 21.0, 20.0), (24, 2, 22.0, 10.0)]
    assert [event.seconds for event in trace.events] == [1.0, 2.0, 3.0]


@pytest.mark.timeout(300)
def test_the_command_replays_a_table_file(tiny_study: Study, tmp_path: Path):
    table = made_table(tiny_study())
    write_table(table, tmp_path / "table.jsonl.gz")
    n_candidates = len(candidates_of(table.study))
    done = reservoir_search(
        *("replay", "table.jsonl.gz", "--json", "--seeds", "2", "--set", "scheduler.name=none"),
        *("--set", "search.algorithm=random", "--set", f"search.n_trials={n_candidates}"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    assert (results["algorithm"], results["scheduler"]) == ("random", "none")
    assert [row["seed"] for row in results["replays"]] == [1, 2]
    for row in results["replays"]:
        assert row["n_updates"] == UPDATES[-1] * n_candidates
        assert row["regret"] == 0.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "error: study 'nothing': neither studies/nothing nor nothing"),
        (["broken.jsonl"], "error: broken.jsonl: line 1: is not JSON"),
        (["table.jsonl", "--set", "train.lr=1"], "error: --set: train: the table was recorded"),
        (["table.jsonl", "--set", "space.depth=[4]"], "error: space: the table has no trial of"),
    ],
)
def test_a_users_mistake_is_reported_before_ray_starts(
    arguments: list[str],
    message: str,
    tiny_study: Study,
    studies_here: Path,
    capsys: pytest.CaptureFixture[str],
):
    (studies_here / "broken.jsonl").write_text("what?\n")
    write_table(made_table(tiny_study()), studies_here / "table.jsonl")
    assert exit_code(lambda: app(["replay", *arguments], standalone_mode=False)) == 2
    error = capsys.readouterr().err
    assert error.startswith(message)
    assert error.count("\n") == 1
