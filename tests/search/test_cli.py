from __future__ import annotations

import errno
import itertools
import json
import logging
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from search.cli import app, exit_code
from search.study.errors import NotFinished, WorkFailed
from search.study.folder import StudyFolder
from search.study.ledger import sorted_records
from spaces.errors import UserError

COMMANDS = (
    "data",
    "init",
    "validate",
    "schema",
    "layout",
    "dynamics",
    "run",
    "resume",
    "submit",
    "fetch",
    "replay",
    "list",
    "show",
    "rank",
    "doctor",
    "report",
    "ui",
    "confirm",
    "reproduce",
    "export",
    "translate",
    "predict",
)
CORPORA = (
    *("grammar", "multi30k", "tatoeba", "iwslt14", "iwslt", "text", "classify", "summarise"),
    *("fairseq", "distill"),
)


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


@pytest.mark.parametrize(
    "command", [*([name] for name in COMMANDS), *(["data", name] for name in CORPORA)]
)
def test_a_line_of_a_helps_text_is_short_at_the_end_of_its_paragraph_alone(command: list[str]):
    """Typer keeps the lines of a docstring, and breaks those with more than 78 letters in two."""
    result = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "80"})
    prose, *_ = result.output.partition("╭")
    lines = [line.strip() for line in prose.split("\n")]
    pairs = itertools.pairwise(lines)
    assert [line for line, following in pairs if following and 0 < len(line) < 40] == []


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
        (
            ["run", "nothing"],
            "error: study file 'nothing': neither nothing nor studies/nothing.toml",
        ),
        (["validate", "nothing"], "error: study file 'nothing': neither nothing nor studies/noth"),
        (["run", "nothing.toml"], "error: nothing.toml: No such file or directory"),
        (["translate", "nothing"], "error: nothing: is no export"),
        (["layout", "LRX"], "error: layout 'LRX': unknown layer kind 'X' at depth 2"),
        (["layout", "L", "--depth", "3"], "error: No such option: --depth"),
        (["run"], "error: Missing argument 'STUDY.toml'"),
        (["validat"], "error: No such command 'validat'. Did you mean 'validate'? See --help"),
        (
            ["data", "grammar", "--out", "new", "--bpe-merges", "9" * 30],
            "error: Invalid value for '--bpe-merges': it should be less than or equal to 1000000;",
        ),
        (
            ["data", "grammar", "--out", "new", "--metric", "BLUE"],
            "error: Invalid value for '--metric': 'BLUE' is not one of 'BLEU', 'chrF', 'spBLEU';",
        ),
        (
            ["data", "grammar", "--out", "new", "--tokenizer", "bpe", "--bpe-codes", "codes"],
            "error: --bpe-codes codes: are of Moses' words; give --tokenizer moses",
        ),
        (
            [
                *("data", "grammar", "--out", "new", "--tokenizer", "moses"),
                *("--sentencepiece-model", "x"),
            ],
            "error: --sentencepiece-model x: is not for --tokenizer moses; leave that out",
        ),
        (
            [
                *("data", "grammar", "--out", "new", "--bpe-codes", "x"),
                *("--sentencepiece-model", "x"),
            ],
            "error: --bpe-codes and --sentencepiece-model: give one of them",
        ),
        (
            ["dynamics", "L", "--data", "new", "--passes", "9" * 30],
            "error: Invalid value for '--passes'",
        ),
        (["reproduce", "--for", "9"], "error: --for '9': is no time; write 90s, 9m or 1h"),
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
    assert raising(NotFinished("the time is over")) == 75
    assert raising(OSError(errno.ENOSPC, "No space left on device", "studies/a")) == 1
    assert raising(KeyboardInterrupt()) == 130
    assert capsys.readouterr().err.split("\n") == [
        "error: a: b",
        "failed: no trial was completed",
        "not finished: the time is over",
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


def test_the_version_is_that_of_the_project(capsys: pytest.CaptureFixture[str]):
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert run("--version") == 0
    assert capsys.readouterr().out == f"reservoir-search {project['version']}\n"


@pytest.mark.parametrize(
    ("option", "levels"),
    [("-q", (logging.WARNING, logging.WARNING)), ("-v", (logging.INFO, logging.INFO))],
)
def test_quiet_and_verbose_set_what_is_logged(
    option: str, levels: tuple[int, int], monkeypatch: pytest.MonkeyPatch
):
    loggers = [logging.getLogger(name) for name in ("search", "fairseq")]
    for logger, level in zip(loggers, (logging.INFO, logging.WARNING), strict=True):
        monkeypatch.setattr(logger, "level", level)
    monkeypatch.setattr(logging.getLogger(), "level", logging.WARNING)
    assert run(option, "layout", "L") == 0
    assert tuple(logger.level for logger in loggers) == levels


def test_quiet_and_verbose_contradict_each_other(capsys: pytest.CaptureFixture[str]):
    assert run("-q", "-v", "layout", "L") == 2
    assert capsys.readouterr().err == "error: --quiet --verbose: give one of them\n"


def test_a_bare_name_means_the_study_file_in_studies(
    studies_here: Path, capsys: pytest.CaptureFixture[str]
):
    assert run("init", "mine.toml") == 0
    (studies_here / "studies").mkdir()
    (studies_here / "mine.toml").rename(studies_here / "studies/mine.toml")
    capsys.readouterr()
    assert run("validate", "mine", "--set", "search.n_trials=7") == 0
    output = capsys.readouterr().out
    assert output.startswith("studies/mine.toml: every setting is right\n")
    assert "7 suggested by surrogate, of " in output
    assert "updates each, stopped early by asha from" in output
    assert "data/grammar is not there yet" in output


def test_validate_prints_what_the_guide_shows(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    root = Path(__file__).parents[2]
    guide = (root / "docs" / "how-to" / "study-file.md").read_text(encoding="utf-8")
    command = "$ reservoir-search validate studies/quickstart.toml\n"
    shown = guide.partition(command)[2].partition("```")[0].splitlines()
    monkeypatch.chdir(root)
    assert run("validate", "studies/quickstart.toml") == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[:4] == shown[:4]  # the last line tells of the data, which need not be there


@pytest.mark.parametrize("command", ["run", "validate"])
def test_a_shell_completes_study_files_by_name_and_by_path(command: str, studies_here: Path):
    def completions(begun: str) -> list[str]:
        words = f"reservoir-search {command} {begun}"
        env = {
            "_RESERVOIR_SEARCH_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": "2",
        }
        result = CliRunner().invoke(app, prog_name="reservoir-search", env=env)
        return result.output.split()

    (studies_here / "studies").mkdir()
    for name in ("studies/quick.toml", "studies/slow.toml", "quicker.toml", "quick.txt"):
        (studies_here / name).touch()
    assert completions("qu") == ["quick", "quicker.toml"]
    assert completions("studies/s") == ["studies/slow.toml"]
    assert completions("st") == ["studies/"]


def test_an_empty_list_of_studies_says_how_to_start_one(
    studies_here: Path, capsys: pytest.CaptureFixture[str]
):
    assert run("list") == 0
    assert capsys.readouterr().err.startswith("no study in studies/ yet")


def test_the_list_has_each_study_with_its_best_trial(
    recorded_study: Callable[..., StudyFolder],
    studies_here: Path,
    capsys: pytest.CaptureFixture[str],
):
    made = recorded_study("mine", {1: "running"}, search={"n_trials": 500})
    n_all = len(sorted_records(made.trials))  # the space has no more candidates
    (studies_here / "studies").mkdir()
    made.path.rename(studies_here / "studies/mine")
    assert run("list", "--json") == 0
    (listed,) = json.loads(capsys.readouterr().out)
    assert (listed["study"], listed["state"], listed["n_trials"]) == ("mine", "unfinished", n_all)
    assert (listed["best"], listed["score"], listed["objective"]) == (0, 7.0, 23.0)
    with StudyFolder(studies_here / "studies/mine").locked():
        assert run("list") == 0
    assert re.search(rf"mine +running +{n_all - 1} of {n_all} ", capsys.readouterr().out)


def test_a_search_with_failed_trials_or_no_layout_left_is_done_and_listed_by_its_folder(
    recorded_study: Callable[..., StudyFolder],
    studies_here: Path,
    capsys: pytest.CaptureFixture[str],
):
    n_all = len(sorted_records(recorded_study("all", search={"n_trials": 500}).trials))
    space = {"reservoir_gain": [0.5, 1.0, 2.0]}  # more points than trials
    failed = recorded_study("failed", {0: "failed"}, search={"n_trials": n_all}, space=space)
    waiting = recorded_study("waiting", {0: "running"}, search={"n_trials": 1})
    (studies_here / "studies").mkdir()
    for made in (failed.path.parent / "all", failed.path, waiting.path):
        made.rename(studies_here / "studies" / f"{made.name}-2")
    assert run("list", "--json") == 0
    states = {each["study"]: each["state"] for each in json.loads(capsys.readouterr().out)}
    assert states == {"all-2": "done", "failed-2": "done", "waiting-2": "unfinished"}
    assert run("list") == 0
    assert re.search(rf"all-2 +done +{n_all} of {n_all} ", capsys.readouterr().out)
