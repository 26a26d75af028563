"""Progress of a search: log lines, or a table in place at a terminal."""

from __future__ import annotations

import io
import logging
import os
import pty
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from search.run.live_table import LiveTable
from search.run.progress import Progress
from search.study import console
from search.study.config import StudyConfig
from search.study.console import VisibleConsole, VisibleFormatter, doing
from search.study.ledger import Ledger
from search.study.trial_record import TrialRecord
from spaces.layout import Layout

Make = Callable[..., StudyConfig]
Record = Callable[..., TrialRecord]


def screen(table: LiveTable, *, width: int = 80, height: int = 24, colours: bool = False) -> str:
    file = io.StringIO()
    system = "standard" if colours else None
    shown = VisibleConsole(
        file=file, force_terminal=True, width=width, height=height, color_system=system
    )
    shown.print(table)
    return file.getvalue()


@pytest.fixture
def records(make_record: Record) -> list[TrialRecord]:
    """Four trials, one of each state."""
    return [
        make_record(0, state="failed", reason="diverged", objective=None, aucc=None, curve=()),
        make_record(1, objective=10.0),
        make_record(2, state="running", objective=99.0),
        make_record(3, objective=20.0),
        make_record(4, state="stopped", objective=30.0),
    ]


def test_the_best_trial_is_first_and_states_are_in_colour(
    tiny_study: Make, records: list[TrialRecord]
):
    table = LiveTable(config=tiny_study(), records=records, n_trials=6)
    rows = screen(table).splitlines()[2:7]
    assert [row.split()[0] for row in rows] == ["3", "1", "4", "2", "0"]
    coloured = screen(table, colours=True)
    for colour, state in ((32, "completed"), (33, "stopped"), (36, "running"), (31, "failed")):
        assert f"{colour}m{state}" in coloured


@pytest.mark.parametrize("width", [40, 80, 140])
def test_columns_are_dropped_from_the_right_but_those_that_matter(
    width: int, tiny_study: Make, make_record: Record
):
    long = make_record(7)
    model = long.config.model.model_copy(update={"encoder": Layout.parse("(R1L1R2L2)*12")})
    long = make_record(7, config=long.config.model_copy(update={"model": model}))
    table = LiveTable(config=tiny_study(), records=[long], n_trials=6)
    lines = screen(table, width=width).splitlines()
    assert max(map(len, lines)) <= width
    assert len(lines) == 5  # a long layout is cut, and takes one line
    assert "R1L1R2L2R1L1R2L2R" in lines[2]
    headings = lines[0].split()
    assert set(headings) >= {"trial", "encoder", "objective", "*"}
    assert ("state" in headings) == (width > 40)
    assert ("params" in headings) == (width == 140)


def test_a_long_study_fits_the_terminal_with_all_that_runs(tiny_study: Make, make_record: Record):
    many = [make_record(id_, objective=float(id_)) for id_ in range(50)]
    many += [make_record(50, state="running"), make_record(51, state="failed")]
    table = LiveTable(config=tiny_study(), records=many, n_trials=60)
    lines = screen(table, height=12).splitlines()
    assert len(lines) == 12
    assert [line.split()[0] for line in lines[2:9]] == ["49", "48", "47", "46", "45", "44", "50"]
    assert lines[9] == "… and 45 more"


def test_one_bar_tells_how_far_the_search_is(tiny_study: Make, records: list[TrialRecord]):
    config = tiny_study(budget={"updates": 24})
    begun = LiveTable(config=config, records=(), n_trials=6)
    assert "0/6 trials ended · starting the trials' processes" in screen(begun)
    running = LiveTable(config=config, records=records[2:3], n_trials=6)
    assert "0/6 trials ended · until the first validation · 1 running" in screen(running)
    at = LiveTable(config=config, records=records, n_trials=9, ends_at=time.monotonic() + 50.9)
    *_, line, _ = screen(at).splitlines()
    assert line.endswith(" 4/9 trials ended · about 51 seconds left · 1 running · 1 failed")
    assert line.startswith("━" * 6 + "╸ ")  # a half of 13: 4.5 of 9


def test_searched_settings_are_beside_the_layout_in_table_and_log(
    tiny_study: Make, make_record: Record, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    space = {"depth": 2, "hyper": {"train.lr": [1e-3, 4e-3], "model.dropout": [0.0, 0.1]}}
    config = tiny_study(space=space)
    record = make_record(0)
    train = record.config.train.model_copy(update={"lr": 4e-3})
    record = make_record(0, config=record.config.model_copy(update={"train": train}))
    table = LiveTable(config=config, records=[record], n_trials=6)
    headings, _, row, *_ = screen(table, width=80).splitlines()
    assert headings.split()[:5] == ["trial", "encoder", "lr", "dropout", "state"]
    assert row.split()[2] == "0.004"
    with caplog.at_level(logging.INFO, "search"):
        search_of_one_trial(config, record, tmp_path)
    event, status, _ = caplog.messages
    settings = f"lr=0.004 dropout={record.config.model.dropout:.4g}"
    assert event.endswith(f" layout=R1LR1L {settings}")
    assert f" best: R1LR1L {settings} 23" in status


def shown(config: StudyConfig, ledger: Ledger) -> Progress:
    """Progress of a search without references."""
    return Progress(config, ledger, lambda: config.search.n_trials - len(ledger), None)


@contextmanager
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], str]]:
    """Standard error is a terminal, and the root logger logs there; gives what came out."""
    reading, writing = pty.openpty()
    os.set_blocking(reading, False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")
    monkeypatch.setattr(console, "_terminal", cache(console._terminal.__wrapped__))
    search, root = logging.getLogger("search"), logging.root
    before = [(logger, logger.level) for logger in (search, root)]
    search.setLevel(logging.INFO)
    root.setLevel(logging.WARNING)
    with os.fdopen(writing, "w") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        handler = logging.StreamHandler(stderr)
        handler.setFormatter(VisibleFormatter())
        monkeypatch.setattr(root, "handlers", [handler])
        yield lambda: os.read(reading, 2**16).decode()
    os.close(reading)
    for logger, level in before:
        logger.setLevel(level)


def search_of_one_trial(config: StudyConfig, record: TrialRecord, folder: Path) -> None:
    """Train one trial, and meet a fault of MLflow meanwhile."""
    with Ledger.in_order(folder / "trials.jsonl") as ledger, shown(config, ledger) as progress:
        ledger.put(record)
        progress.note(record)
        logging.getLogger("search.tracking").warning("MLflow does not answer")
        if record.state == "running":
            raise KeyboardInterrupt


def test_at_a_terminal_warnings_stand_above_the_table_and_the_cursor_stays(
    tiny_study: Make, make_record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with terminal(monkeypatch) as read:
        stderr = sys.stderr
        with doing("starting Ray"):
            pass
        search_of_one_trial(tiny_study(), make_record(), tmp_path)
        shown = read()
        assert "starting Ray" in shown
        assert "\x1b[2KMLflow does not answer\r\n" in shown  # what stood there is erased before
        assert "1/6 trials ended" in shown.partition("MLflow does not answer")[2]
        assert "state=completed" not in shown
        assert "\x1b[?25" not in shown  # no cursor is hidden
        assert shown.endswith("\x1b[1A\x1b[2K")  # nothing is left of the table
        assert sys.stderr is stderr
        logging.getLogger("search").warning("later")
        assert read() == "later\r\n"


WORDS = "a warning of many words, --set 'this=that' among them and /a/path/that/is-whole"


@pytest.mark.parametrize("width", [24, 80])
def test_at_a_terminal_log_lines_end_at_words(width: int, monkeypatch: pytest.MonkeyPatch):
    with terminal(monkeypatch) as read:
        monkeypatch.setenv("COLUMNS", str(width))
        logging.getLogger("search").warning(WORDS)
        lines = read().splitlines()
    assert " ".join(line.strip() for line in lines) == WORDS
    assert (len(lines) == 1) == (len(WORDS) <= width)
    assert all(len(line) <= width for line in lines)


def test_a_log_line_with_wide_letters_is_left_to_the_terminal(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("search.study.console.shows_live", lambda: True)
    monkeypatch.setenv("COLUMNS", "30")
    line = "漢字 " * 30 + "end"
    record = logging.LogRecord("search", logging.INFO, "", 0, line, (), None)
    assert VisibleFormatter("%(message)s").format(record) == line


@pytest.mark.parametrize("is_terminal", [False, True])
def test_sentences_of_the_result_end_at_words_at_a_terminal_alone(
    is_terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal)
    console.say_sentence(f"[bold]{WORDS}")
    lines = capsys.readouterr().out.splitlines()
    assert " ".join(line.strip() for line in lines) == f"[bold]{WORDS}"
    assert (max(map(len, lines)) <= 40) == is_terminal


@pytest.mark.parametrize("is_terminal", [False, True])
def test_lines_of_a_list_end_at_words_at_a_terminal_and_are_indented_below_their_first_word(
    is_terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal)
    console.say_fact(f"  {WORDS}")
    first, *others = capsys.readouterr().out.splitlines()
    assert first.startswith("  a warning")
    assert " ".join(line.strip() for line in (first, *others)) == WORDS
    assert all(len(line) <= 40 and re.match(" {4}[^ ]", line) for line in others)
    assert bool(others) == is_terminal


def test_the_table_stays_after_an_interruption(
    tiny_study: Make, make_record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with terminal(monkeypatch) as read:
        with pytest.raises(KeyboardInterrupt):
            search_of_one_trial(tiny_study(), make_record(state="running"), tmp_path)
        shown = read()
    assert "0/6 trials ended" in shown.rpartition("\x1b[2K")[2]
    assert shown.endswith("\n")


@pytest.mark.parametrize("place", ["dumb terminal", "-q", "-v", "file"])
def test_elsewhere_there_are_log_lines_and_no_table(
    place: str,
    tiny_study: Make,
    make_record: Record,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    with terminal(monkeypatch) as read:
        match place:
            case "dumb terminal":
                monkeypatch.setenv("TERM", "dumb")
            case "-q":
                logging.getLogger("search").setLevel(logging.WARNING)
            case "-v":
                logging.root.setLevel(logging.INFO)
            case _:
                monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
        with doing("starting Ray"):
            pass
        search_of_one_trial(tiny_study(), make_record(), tmp_path)
        *shown, last = read().splitlines()
    event = "trial=0 state=completed update=12 score=7.00 aucc=46 objective=23 tok_per_s=200"
    status = "1/6 trials ended · 1 completed · 0 stopped · 0 failed · 0 running · best: R1LR1L 23"
    events = [] if place == "-q" else [f"{event} layout=R1LR1L", status]
    assert [line.partition(" · about")[0] for line in shown] == events
    assert last == "MLflow does not answer"
