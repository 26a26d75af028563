"""Commands that the documents show are ones that the programs take; none is carried out."""

from __future__ import annotations

import argparse
import importlib.util
import logging
import re
import runpy
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from typer import TyperException
from typer.core import TyperCommand

from search.cli import app
from search.study.changed_settings import changed_settings
from search.study.config import load_study
from search.study.revaluation import other_objective
from spaces.errors import UserError
from spaces.presets import resolve_layout
from tests.test_documented_paths import DOCUMENTS, ROOT

QUICKSTART = ROOT / "studies" / "quickstart.toml"
TARGETS = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
PROGRAM = "reservoir-search"
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"`([^`\n]+)`")
_SHELLS = ("", "bash", "console", "sh")
_OURS = re.compile(r"^[^#:]*(reservoir-search |python -m |make )")  # no "best: …", which is printed
_ELLIPSIS = ("…", "...")


def commands_of_line(line: str) -> Iterator[list[str]]:
    """Words of each command of a line for a shell, without what goes to and comes from files."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    words: list[str] = []
    is_file = False
    for word in [*lexer, ";"]:
        if set(word) <= set("|&;"):
            yield words
            words = []
        elif set(word) <= set("<>"):
            is_file = True
        elif is_file:
            is_file = False
        else:
            words.append(word)


def after_program(words: list[str]) -> tuple[str, list[str]] | None:
    """The program of ours that ``words`` call, and its arguments."""
    words = [word for word in words if word not in _ELLIPSIS]
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words = words[1:]
    match words:
        case [("reservoir-search" | ".venv/bin/reservoir-search"), *rest]:
            return PROGRAM, rest
        case [("python" | ".venv/bin/python"), "-m", module, *rest] if is_ours(module):
            return module, rest
        case ["make", *rest]:
            return "make", rest
    return None


def is_ours(module: str) -> bool:
    return module.partition(".")[0] in ("benchmarks", "tests")


def whole_commands(text: str) -> list[tuple[str, list[str]]]:
    """Programs of ours with their arguments, in the blocks that are for a shell."""
    blocks = [block for language, block in _FENCED.findall(text) if language in _SHELLS]
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    lines = [line.removeprefix("$ ") for line in lines if _OURS.search(line)]
    called = [after_program(words) for line in lines for words in commands_of_line(line)]
    return [each for each in called if each is not None]


def mentioned_commands(text: str) -> list[tuple[str, list[str]]]:
    """Those in running text, where arguments may be missing and ours may go without its name."""
    found = []
    for code in _INLINE.findall(_FENCED.sub("", text)):
        first = code.partition(" ")[0]
        if first in COMMANDS and " --" in code:
            found.append((PROGRAM, next(commands_of_line(code))))
        elif first in (PROGRAM, f".venv/bin/{PROGRAM}", "make", "python"):
            called = after_program(next(commands_of_line(code)))
            found += [] if called is None else [called]
    return [
        (program, [word for word in words if word not in _ELLIPSIS]) for program, words in found
    ]


COMMANDS = [
    command.name or command.callback.__name__.partition("_")[0]
    for command in app.registered_commands
    if command.callback is not None
]
WHOLE = [
    pytest.param(*each, id=f"{path.name}: {' '.join([each[0], *each[1]])}")
    for path in DOCUMENTS
    for each in whole_commands(path.read_text(encoding="utf-8"))
]
MENTIONED = [
    pytest.param(*each, id=f"{path.name}: {' '.join([each[0], *each[1]])}")
    for path in DOCUMENTS
    for each in mentioned_commands(path.read_text(encoding="utf-8"))
]


def parse(program: str, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the program's own parser read ``words``, and check what it would make of them."""
    if program == "make":
        assert [word for word in words if "=" not in word and word not in TARGETS] == []
    elif program == PROGRAM:
        parse_ours(words, monkeypatch)
    else:
        parse_module(program, words, monkeypatch)


def parse_ours(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(
        TyperCommand, "invoke", lambda _, context: given.append((context.info_name, context.params))
    )
    monkeypatch.setattr(logging.Logger, "setLevel", lambda *_: None)  # -q and -v
    app(words, standalone_mode=False)
    for name, params in given:
        check_values(str(name), params)
        if name == "submit":
            parse_ours(list(params["command"]), monkeypatch)


def check_values(name: str, params: dict[str, Any]) -> None:
    """Read settings, objectives and layouts as the command does, of the quickstart's study."""
    settings = params.get("settings") or ()
    if name in ("run", "validate"):
        file = Path(params["study"])
        load_study(file if file.is_file() else QUICKSTART, settings)
    elif name == "resume":
        changed_settings(load_study(QUICKSTART), settings)
    elif name == "rank":
        other_objective(load_study(QUICKSTART), params["objectives"] or (), settings)
    elif name == "layout":
        resolve_layout(params["stack"])


class Parsed(Exception):
    """The arguments are right."""


def parse_module(module: str, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.find_spec(module)
    assert spec is not None
    if spec.submodule_search_locations is not None:
        spec = importlib.util.find_spec(f"{module}.__main__")
    source = Path(str(spec and spec.origin)).read_text(encoding="utf-8")
    if "import argparse" not in source and "from benchmarks.command import" not in source:
        return  # reads its arguments itself, which only running it would show
    parse_args = argparse.ArgumentParser.parse_args

    def only_parse(parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        parse_args(parser, words)
        raise Parsed

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", only_parse)
    with pytest.raises(Parsed):
        runpy.run_module(module, run_name="__main__")


@pytest.mark.parametrize(("program", "words"), WHOLE)
def test_a_command_of_the_documents_is_understood(
    program: str, words: list[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(ROOT)
    parse(program, words, monkeypatch)


@pytest.mark.parametrize(("program", "words"), MENTIONED)
def test_a_command_in_running_text_has_options_that_there_are(
    program: str, words: list[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(ROOT)
    if not words or words == ["data"] or "--install-completion" in words:  # acts while it is read
        return
    words = ["3" if word == "N" else word for word in words]
    fault = ""
    try:
        parse(program, words, monkeypatch)
    except (TyperException, UserError) as raised:
        fault = str(raised)
    assert re.search("^$|Missing|requires an argument|neither NAME", fault)


def test_the_documents_have_many_commands():
    programs = {parameter.values[0] for parameter in WHOLE}
    assert {PROGRAM, "make", "benchmarks.scale"} <= programs
    shown = {parameter.values[1][0] for parameter in WHOLE if parameter.values[0] == PROGRAM}
    assert {*COMMANDS, "data"} - shown <= {"init", "schema", "list"}


@pytest.mark.parametrize(
    "text",
    [
        "reservoir-search show mine --columns",
        "reservoir-search shows mine",
        "echo a | .venv/bin/reservoir-search translate mine --beams 3 > out",
        "reservoir-search data text --src de --target en --out b \\\n    --train x",
        "reservoir-search submit --address a --folder b -- show mine --columns",
        "reservoir-search run studies/quickstart.toml --set search.trials=3",
        "reservoir-search resume quickstart --set model.d_model=3",
        "reservoir-search rank quickstart --objective mbleu",
        "make tests",
        "python -m benchmarks.scale --output a",
        "python -m benchmarks.none",
    ],
)
def test_a_wrong_command_would_be_found(text: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)
    ((program, words),) = whole_commands(f"```\n{text}   # why\n```\n")
    with pytest.raises((TyperException, UserError, AssertionError, SystemExit, ImportError)):
        parse(program, words, monkeypatch)
