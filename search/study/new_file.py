"""A new study file, with every setting and what it means."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path

from search.study.config import study_from
from spaces.errors import UserError


def study_file_text() -> str:
    """Text of the new file: a study of the embedded corpus, its other settings as comments."""
    return resources.files("search.study").joinpath("templates", "study.toml").read_text()


def write_study_file(path: Path) -> None:
    """Write a new study file.

    Raises:
        UserError: there is a file of that name, its folder is not there, or the name cannot be
            that of a study.
    """
    if path.suffix != ".toml" or not path.stem:
        raise UserError(f"'{path}': a study file ends in .toml; write {path.stem or 'mine'}.toml")
    study_from({"name": path.stem} | tomllib.loads(study_file_text()), str(path))
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(study_file_text())
    except FileExistsError as error:
        raise UserError(f"{path} exists; give a new name") from error
    except FileNotFoundError as error:
        raise UserError(f"{path.parent} is not there; make that folder first") from error
