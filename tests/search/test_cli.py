from __future__ import annotations

import errno
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from search.cli import app, exit_code
from search.study.errors import WorkFailed
from spaces.errors import UserError

COMMANDS = (
    "data",
    "layout",
    "dynamics",
    "run",
    "resume",
    "submit",
    "replay",
    "show",
    "doctor",
    "report",
    "ui",
    "confirm",
    "reproduce",
    "export",
    "translate",
)
CORPORA = ("grammar", "multi30k", "tatoeba", "iwslt14", "text")


def run(*arguments: str) -> int:
    return exit_code(lambda: app(list(arguments), standalone_mode=False))


@pytest.mark.parametrize(
    "command", [*([name] for name in COMMANDS), *(["data", name] for name in CORPORA)]
)
def test_every_command_has_help(command: list[str]):
    result = CliRunner().invoke(app, [*command, "--help"])
    assert result.exit_code == 0
    assert "Usage" in result.output


@pytest.mark.parametrize(
    "command", [*([name] for name in COMMANDS), *(["data", name] for name in CORPORA)]
)
def test_no_type_of_an_option_is_broken_over_lines_of_80_columns(command: list[str]):
    result = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "80"})
    broken = [line for line in result.output.split("\n") if line.count("<") != line.count(">")]
    assert [line for line in broken if "x<" not in line and "x>" not in line] == []


def test_the_help_lists_each_command_in_one_panel_and_data_first():
    output = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "80"}).output
    listed = re.findall(r"^│ ([a-z]+) ", output, flags=re.MULTILINE)
    assert listed[0] == "data"
    assert sorted(listed) == sorted(COMMANDS)
    assert "─ Commands ─" not in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "nothing"], "error: study 'nothing': neither studies/nothing nor nothing"),
        (["resume", "nothing"], "error: study 'nothing'"),
        (["export", "nothing"], "error: study 'nothing'"),
        (["ui", "nothing"], "error: study 'nothing'"),
        (["run", "nothing.toml"], "error: nothing.toml: No such file or directory"),
        (["translate", "nothing"], "error: nothing: is no export"),
        (["layout", "LRX"], "error: layout 'LRX': unknown layer kind 'X' at depth 2"),
        (["layout", "L", "--depth", "3"], "error: No such option: --depth"),
        (["run"], "error: Missing argument 'STUDY.toml'"),
        (["data", "grammar"], "error: Missing option '--out'"),
    ],
)
def test_a_users_mistake_is_one_clear_line_and_exit_2(
    arguments: list[str],
    message: str,
    studies_here: Path,
    capsys: pytest.CaptureFixture[str],
):
    assert run(*arguments) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith(message)
    assert output.err.count("\n") == 1


def raising(error: BaseException) -> int:
    def work() -> None:
        raise error

    return exit_code(work)


def test_mistakes_failures_and_interrupts_have_exit_codes_of_their_own(
    capsys: pytest.CaptureFixture[str],
):
    assert exit_code(lambda: None) == 0
    assert raising(UserError("a: b")) == 2
    assert raising(WorkFailed("no trial was completed")) == 1
    assert raising(OSError(errno.ENOSPC, "No space left on device", "studies/a")) == 1
    assert raising(KeyboardInterrupt()) == 130
    assert capsys.readouterr().err.split("\n") == [
        "error: a: b",
        "failed: no trial was completed",
        "failed: studies/a: No space left on device",
        "interrupted",
        "",
    ]


def test_a_broken_promise_of_ours_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        raising(ZeroDivisionError())


def test_trials_are_named_for_a_retry_alone(capsys: pytest.CaptureFixture[str]):
    assert run("resume", "mine", "3") == 2
    told = "error: resume mine 3: trials are named with --retry-failed; add it\n"
    assert capsys.readouterr().err == told
