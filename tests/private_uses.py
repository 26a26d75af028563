"""Where a file uses what another library keeps for itself, found in its syntax alone."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
OURS = ("benchmarks", "search", "spaces", "trainable")
PRIVATE_ROOM = "trainable/private"  # where such uses stand

# Not documented, though no part of the name begins with an underscore.
UNDOCUMENTED = re.compile(
    r"ray\.tune\.execution|ray\.\w+\._internal|mlflow\.(store|server)|optuna\.\w+\._"
    r"|fairseq\.dataclass\.utils|fairseq\.modules\.\w|fairseq\.models\.transformer\.\w"
)
DOCUMENTED_NAMES = {"_replace", "_asdict", "_fields", "_exit"}  # of named tuples; of os
DOCUMENTED_VARIABLES = {
    "MLFLOW_AUTH_ADMIN_PASSWORD",
    "MLFLOW_AUTH_CONFIG_PATH",
    "MLFLOW_DISABLE_TELEMETRY",
    "MLFLOW_FLASK_SERVER_SECRET_KEY",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES",
    "MLFLOW_HTTP_REQUEST_TIMEOUT",
    "MLFLOW_LOGGING_LEVEL",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT",
    "MLFLOW_S3_ENDPOINT_URL",
    "MLFLOW_S3_IGNORE_TLS",
    "MLFLOW_TRACKING_CLIENT_CERT_PATH",
    "MLFLOW_TRACKING_INSECURE_TLS",
    "MLFLOW_TRACKING_PASSWORD",
    "MLFLOW_TRACKING_SERVER_CERT_PATH",
    "MLFLOW_TRACKING_TOKEN",
    "MLFLOW_TRACKING_URI",
    "MLFLOW_TRACKING_USERNAME",
    "RAY_AUTH_TOKEN",
    "RAY_DEDUP_LOGS_SKIP_REGEX",
    "RAY_USAGE_STATS_ENABLED",
}
_PRIVATE = re.compile(r"_[a-zA-Z]\w*")
_PRIVATE_PATH = re.compile(r"\b(ray|optuna|mlflow|fairseq|torch)(\.\w+)*\._[a-z]")
_VARIABLE = re.compile(r"(RAY|TUNE|MLFLOW)_\w+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Class:
    """A class of ours: what it calls its bases, and the private names that it defines."""

    bases: tuple[str, ...]
    names: frozenset[str]


def files() -> list[Path]:
    return [path for folder in OURS for path in sorted((ROOT / folder).rglob("*.py"))]


def classes(trees: Sequence[ast.Module]) -> dict[str, Class]:
    """Our classes by name; of two with one name, both."""
    found: dict[str, Class] = {}
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                bases = tuple(ast.unparse(base).partition("[")[0] for base in node.bases)
                before = found.get(node.name, Class(bases=(), names=frozenset()))
                found[node.name] = Class(
                    bases=before.bases + bases, names=before.names | own_names(node)
                )
    return found


def own_names(class_: ast.ClassDef) -> frozenset[str]:
    """The private names that a class defines: methods, fields, and attributes of ``self``."""
    names = set()
    for node in ast.walk(class_):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Attribute) and _is_own(node.value):
            names |= {node.attr} if isinstance(node.ctx, ast.Store) else set()
    return frozenset(name for name in names if _is_private(name))


def uses(tree: ast.Module, known: Mapping[str, Class]) -> Iterator[tuple[int, str]]:
    """Line and text of each use of another's private parts.

    A class of ours may use its own, and its bases' of ours, on any object in its file.
    """
    docstrings = {id(text) for text in _docstrings(tree)}
    here = [node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    allowed = DOCUMENTED_NAMES.union(*(_names_with_bases(name, known) for name in here))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from _imports(node)
        elif isinstance(node, ast.Attribute) and not _is_own(node.value):
            if _is_private(node.attr) and node.attr not in allowed:
                yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.keyword) and _is_private(node.arg or ""):
            yield node.value.lineno, f"{node.arg}="
        elif isinstance(node, ast.Constant) and id(node) not in docstrings:
            yield from _strings(node)
        elif isinstance(node, ast.ClassDef):
            yield from _inherited(node, known)


def _imports(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[int, str]]:
    module = (node.module or "") if isinstance(node, ast.ImportFrom) else ""
    for alias in node.names:
        name = f"{module}.{alias.name}" if module else alias.name
        first = name.partition(".")[0]
        if first in (*OURS, *sys.stdlib_module_names):
            continue
        if any(_is_private(part) for part in name.split(".")) or UNDOCUMENTED.match(module or name):
            yield node.lineno, f"import of {name}"


def _strings(node: ast.Constant) -> Iterator[tuple[int, str]]:
    text = node.value
    if not isinstance(text, str):
        return
    is_variable = _VARIABLE.fullmatch(text) and text not in DOCUMENTED_VARIABLES
    if is_variable or _is_private(text) or _PRIVATE_PATH.search(text):
        yield node.lineno, repr(text)


def _inherited(node: ast.ClassDef, known: Mapping[str, Class]) -> Iterator[tuple[int, str]]:
    """Private attributes of ``self`` that no class of ours defines."""
    defined = _names_with_bases(node.name, known)
    for inner in ast.walk(node):
        if not isinstance(inner, ast.Attribute) or not _is_own(inner.value):
            continue
        if _is_private(inner.attr) and inner.attr not in defined:
            yield inner.lineno, f"{ast.unparse(inner)}, inherited"


def _names_with_bases(name: str, known: Mapping[str, Class]) -> frozenset[str]:
    class_ = known.get(name)
    if class_ is None:
        return frozenset()
    return class_.names.union(*(_names_with_bases(base, known) for base in class_.bases))


def _docstrings(tree: ast.Module) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            yield node.value


def _is_own(value: ast.expr) -> bool:
    return isinstance(value, ast.Name) and value.id in ("self", "cls")


def _is_private(name: str) -> bool:
    return bool(_PRIVATE.fullmatch(name)) and not name.endswith("__")
