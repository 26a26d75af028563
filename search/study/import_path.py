"""Classes of a user's own, which a study file names as ``module:Class``."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from pathlib import Path
from typing import Any

from spaces.errors import UserError

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_IMPORT_PATH = re.compile(rf"{_NAME}(\.{_NAME})*:{_NAME}")


# A whole import path, as a regular expression of JSON schemas too.
IMPORT_PATH = f"^{_IMPORT_PATH.pattern}$"


def is_import_path(text: str) -> bool:
    """True if ``text`` is written as ``module:Class``; nothing is imported."""
    return _IMPORT_PATH.fullmatch(text) is not None


def import_class(path: str, *, setting: str) -> type[Any]:
    """Class at an import path; the current directory is searched after the installed packages.

    Args:
        path: ``module:Class``.
        setting: key of the study file that names the class, for errors.

    Raises:
        UserError: the module or the name does not exist, the module cannot be imported, or the
            name is no class.
    """
    place = f"{setting} '{path}'"
    module_name, _, name = path.partition(":")
    module = _import_module(module_name, place)
    if not hasattr(module, name):
        raise UserError(f"{place}: module {module_name} has no '{name}'; name a class of it")
    found: Any = getattr(module, name)
    if not inspect.isclass(found):
        raise UserError(f"{place}: {name} is of type {type(found).__name__}; name a class")
    return found


def construct(cls: type[Any], *arguments: Any, place: str, **offered: Any) -> Any:
    """An object of ``cls``, with those keywords of ``offered`` that its signature names.

    Args:
        cls: the class from ``import_class``.
        arguments: positional arguments.
        place: setting that names the class, for errors.
        offered: keyword arguments, passed where the signature has that name.

    Raises:
        UserError: the signature of ``cls`` needs other arguments.
    """
    signature = inspect.signature(cls)
    taken = {name: value for name, value in offered.items() if name in signature.parameters}
    try:
        signature.bind(*arguments, **taken)
    except TypeError as error:
        given = (
            ", ".join([*(type(argument).__name__ for argument in arguments), *taken]) or "nothing"
        )
        raise UserError(
            f"{place}: {error}; it is constructed with {given}: give all else a default"
        ) from error
    return cls(*arguments, **taken)


def _import_module(name: str, place: str) -> Any:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)  # `python -m` adds it, a console script does not
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise UserError(
                f"{place}: no module '{error.name}' is installed or in {here}; install it, or "
                "start from the folder that holds it"
            ) from error
        raise UserError(f"{place}: importing {name} failed: {error}; correct that first") from error
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise UserError(
            f"{place}: importing {name} failed: {reason}; correct that first"
        ) from error
