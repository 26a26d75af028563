"""Search algorithm and scheduler of a study file: a name, or a class of the user's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

from search.study.import_path import IMPORT_PATH, is_import_path
from spaces.faults import did_you_mean
from spaces.space_fields import names_or_pattern

ALGORITHMS = ("surrogate", "tpe", "random", "gp", "nsga2", "cmaes", "grid")
SCHEDULERS = ("asha", "median", "extrapolation", "none")


def _check_algorithm(name: str) -> str:
    return _check_name(name, ALGORITHMS)


def _check_scheduler(name: str) -> str:
    return _check_name(name, SCHEDULERS)


def _check_name(name: str, known: Sequence[str]) -> str:
    """Check that a name is known or an import path; nothing is imported yet."""
    if name not in known and not is_import_path(name):
        names = ", ".join(known)
        raise ValueError(f"must be one of {names}, or module:Class{did_you_mean(name, known)}")
    return name


Algorithm = Annotated[
    str,
    AfterValidator(_check_algorithm),
    WithJsonSchema(names_or_pattern(ALGORITHMS, IMPORT_PATH)),
]
Scheduler = Annotated[
    str,
    AfterValidator(_check_scheduler),
    WithJsonSchema(names_or_pattern(SCHEDULERS, IMPORT_PATH)),
]
