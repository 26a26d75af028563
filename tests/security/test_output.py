"""What is printed: nothing from a file acts on the terminal, and no secret is shown."""

from __future__ import annotations

import ast
import io
import json
import logging
import os
import shlex
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from rich.table import Table

from search.cli import exit_code
from search.doctor.finding import Notes
from search.doctor.findings_table import print_findings
from search.study import console
from search.study.console import (
    TRACES,
    VisibleConsole,
    VisibleFormatter,
    errors_in_one_line,
    say,
    say_json,
    tell,
)
from search.study.folder import place_for_study
from search.study.ledger import read_records
from search.study.storage_uri import storage_faults
from search.study.tracking_uri import environment_uri, redacted, tracking_faults, without_secrets
from search.suggest.optuna_journal import read_journal
from spaces.errors import UserError
from spaces.visible import visible
from trainable.users_folder import users_folder

ROOT = Path(__file__).resolve().parents[2]
SECRET = "hunter2-hunter2"
ACTING = "\x1b]0;title\x07\x1b[2J\x9b31m\r\x08\x7f\u202eabc\u2066\u200f\u061c"
PRINTING = {"print", "Console", "echo", "secho"}


def test_only_what_acts_on_a_terminal_is_escaped():
    assert visible("\x1b[31m") == "\\x1b[31m"
    assert visible("\u202eabc") == "\\u202eabc"
    assert visible("Füße\t漢字\n👍🏽 é") == "Füße\t漢字\n👍🏽 é"
    every = "".join(map(chr, range(0x3000)))
    left = [c for c in visible(every) if not c.isprintable() and not c.isspace()]
    assert [c for c in left if ord(c) < 0xA0 or 0x2028 <= ord(c) <= 0x202E] == []


def is_safe(text: str) -> bool:
    return not set(text) & (set(ACTING) - set("]0;title[2J31mabc"))


def test_results_messages_logs_and_tables_act_on_no_terminal(capsys: pytest.CaptureFixture[str]):
    say(ACTING)
    say_json({"name": ACTING})
    tell(ACTING)
    exit_code(lambda: (_ for _ in ()).throw(UserError(f"{ACTING}: no")))
    notes = Notes.empty()
    notes.faults.append(ACTING)
    print_findings([notes.finding("trials", ACTING)])
    captured = capsys.readouterr()
    assert captured.out.count("\\x1b]0;title") == 3
    assert captured.err.count("\\x1b]0;title") == 2
    assert is_safe(captured.out + captured.err)
    record = logging.LogRecord("x", logging.INFO, "x", 1, "%s", (ACTING,), None)
    assert is_safe(VisibleFormatter("%(message)s").format(record))


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_table_has_its_own_colours_and_no_others(is_terminal: bool):
    file = io.StringIO()
    table = Table(title=ACTING)
    table.add_column(ACTING, style="bold")
    table.add_row(ACTING)
    VisibleConsole(file=file, force_terminal=is_terminal, width=300).print(table, ACTING)
    text = file.getvalue()
    assert ("\x1b[1m" in text) is is_terminal
    assert "\x1b[2J" not in text
    assert "\x1b]0" not in text
    assert is_safe(text.replace("\x1b", "") if is_terminal else text)


def test_nothing_is_printed_past_the_console():
    found = []
    for path in sorted((ROOT / "search").rglob("*.py")):
        if path == Path(console.__file__):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                is_consoles = name == "print" and isinstance(node.func, ast.Attribute)
                if name in PRINTING and not is_consoles:
                    found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert found == []


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        (f"http://me:{SECRET}@host:5000", "http://host:5000"),
        (f"http://me:a/{SECRET}@host:5000", "http://***"),
        (f"http://host:5000/{SECRET}/mlflow", "http://host:5000"),
        (f"https://host/a@{SECRET}", "https://***"),
        (f"https://host?token={SECRET}", "https://host"),
        (f"https://host#{SECRET}", "https://host"),
        (f"mysql://me:{SECRET}@host/db?password={SECRET}", "mysql://host"),
        (f"databricks-{SECRET}", "***"),
    ],
)
def test_no_part_of_an_address_that_may_be_secret_is_shown(
    uri: str, shown: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    assert redacted(uri) == shown
    path = uri.partition("://")[2].partition("/")[2]
    message = (
        f"HTTPConnectionPool(host='host', port=5000): Max retries exceeded with url: /{path}/api "
        f"({uri}/api/2.0 and {uri})."
    )
    if "://" not in uri:
        return
    assert SECRET not in without_secrets(message, uri)
    assert "Max retries exceeded" in without_secrets(message, uri)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    tell(message)
    record = logging.LogRecord("urllib3", logging.WARNING, "x", 1, message, (), None)
    assert SECRET not in capsys.readouterr().err + VisibleFormatter().format(record)


def test_passwords_of_the_environment_are_in_no_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("PGPASSWORD", SECRET)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://host/mlflow")
    tell(f"FATAL: password {SECRET} is wrong; see /data/mlflow.db and /mlflow-2/x.")
    assert capsys.readouterr().err == (
        "FATAL: password *** is wrong; see /data/mlflow.db and /mlflow-2/x.\n"
    )


def test_options_and_fragments_of_an_address_are_refused(monkeypatch: pytest.MonkeyPatch):
    for uri in (f"http://host?token={SECRET}", f"http://host/x#{SECRET}"):
        faults = tracking_faults(uri)
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        with pytest.raises(UserError, match="MLFLOW_TRACKING_URI has options") as caught:
            environment_uri()
        assert faults
        assert SECRET not in f"{faults} {caught.value}"
    faults = storage_faults(f"s3://bucket/x?endpoint_override=http://me:{SECRET}@host")
    assert faults
    assert SECRET not in str(faults)


def test_a_hint_can_be_pasted_whatever_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    name = "da$(touch ran)t a"
    (tmp_path / "studies" / name).mkdir(parents=True)
    with pytest.raises(UserError) as caught:
        place_for_study(name)
    hint = str(caught.value).partition("continue it with: ")[2]
    assert shlex.split(hint) == ["reservoir-search", "resume", name]
    subprocess.run(["bash", "-c", hint.replace("reservoir-search", "echo", 1)], check=True)
    assert not (tmp_path / "ran").exists()


def test_the_command_that_mends_a_damaged_file_can_be_pasted(tmp_path: Path):
    study = tmp_path / "da$(touch ran)t a"
    study.mkdir()
    ledger, journal = study / "trials.jsonl", study / "optuna.log"
    for file in (ledger, journal):
        file.write_text("nonsense\n\n")
    for read in (lambda: read_records(ledger), lambda: read_journal(journal, study="mine")):
        with pytest.raises(UserError) as caught:
            read()
        hint = str(caught.value).partition(" with: ")[2].partition("; or")[0]
        assert shlex.split(hint) == ["reservoir-search", "doctor", str(study), "--mend"]


def test_a_command_writes_nothing_for_others_to_change(tmp_path: Path):
    code = (
        "import os, pathlib; os.umask(0)\n"
        "from search import cli\n"
        "def write(**_): pathlib.Path('folder').mkdir(); pathlib.Path('file').touch()\n"
        "cli.app = write\n"
        "cli.main()"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, cwd=tmp_path)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes == {"folder": 0o755, "file": 0o644}


def test_json_stays_json_with_a_control_character(capsys: pytest.CaptureFixture[str]):
    say_json({"name": ACTING})
    assert json.loads(capsys.readouterr().out) == {"name": ACTING}


def formatted(record: logging.LogRecord) -> str:
    return VisibleFormatter("%(message)s").format(record)


def test_a_librarys_traceback_is_one_line_and_the_rest_is_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("trainable.users_folder._TMP", tmp_path)
    try:
        raise OSError(f"no\nroom {ACTING}")
    except OSError as error:
        info = (OSError, error, error.__traceback__)
    record = logging.LogRecord("ray.tune", logging.ERROR, "x", 1, "failed", (), info)
    line = formatted(record)
    assert line.startswith("failed: OSError: no room ")
    assert "\n" not in line
    assert is_safe(line)
    assert record.exc_info == info  # for other handlers
    kept = (users_folder() / TRACES).read_text()
    assert kept.startswith("failed: OSError: no room ")
    assert "test_a_librarys_traceback_is_one_line" in kept


def test_a_trace_that_cannot_be_kept_costs_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("trainable.users_folder._TMP", tmp_path / "missing")
    info = (ValueError, ValueError("no"), None)
    record = logging.LogRecord("ray.tune", logging.ERROR, "x", 1, "failed", (), info)
    assert formatted(record) == "failed: ValueError: no"


class Unruly:
    """Raises when it is destroyed, as an object of a library may at the program's end."""

    def __del__(self) -> None:
        raise ValueError("late")


def test_errors_of_threads_and_destructors_are_log_lines(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
):
    monkeypatch.setattr(logging.getLogger(), "handlers", [caplog.handler])  # none of earlier tests
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    errors_in_one_line()
    thread = threading.Thread(target=lambda: [][0], name="listener")
    thread.start()
    thread.join()
    Unruly()
    assert [(r.getMessage(), r.exc_info is not None) for r in caplog.records] == [
        ("thread listener ended", True),
        ("ignored in Unruly.__del__", True),
    ]
    assert "Traceback" not in capfd.readouterr().err
