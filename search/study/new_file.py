"""A new study file, with every setting and what it means."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from spaces.errors import UserError


def study_file_text() -> str:
    """Text of the new file: a study of the embedded corpus, its other settings as comments."""
    return resources.files("search.study").joinpath("templates", "study.toml").read_text()


def write_study_file(path: Path) -> None:
    """Write a new study file.

    Raises:
        UserError: there is a file of that name, or its folder is not there.
    """
    if not path.suffix:
        raise UserError(f"{path}: a study file ends in .toml; write {path}.toml")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(study_file_text())
    except FileExistsError as error:
        raise UserError(f"{path} exists; give a new name") from error
    except FileNotFoundError as error:
        raise UserError(f"{path.parent} is not there; make that folder first") from error
