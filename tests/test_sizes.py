"""No file and no function grows beyond what a reader takes in at once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("search", "trainable", "spaces", "benchmarks")
MAX_FILE, MAX_FUNCTION = 350, 60  # lines
DATA = {"trainable/data/grammar/lexicon.py"}  # words, hardly any code


def sources() -> Iterator[tuple[str, str]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")


def test_no_file_is_longer_than_a_reader_takes_in_at_once():
    long = {name: text.count("\n") for name, text in sources() if text.count("\n") > MAX_FILE}
    assert long.keys() == DATA


def test_no_function_is_longer_than_a_screen():
    lengths = {
        f"{name}:{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for name, text in sources()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert len(lengths) > 1000
    assert {name: length for name, length in lengths.items() if length > MAX_FUNCTION} == {}
