"""A new study file, with every setting and what it means."""

from __future__ import annotations

import re
import tomllib
from importlib import resources
from pathlib import Path

from search.study.config import study_from
from spaces.errors import UserError

_TABLE = re.compile(r"(# )?\[(?P<name>[a-z_.]+)\]")
_SETTING = re.compile(r"(# )?(?P<name>[a-z_0-9]+) = .*?( +# (?P<comment>.+))?")
_MORE = re.compile(r" {8,}# (?P<comment>.+)")


def study_file_text() -> str:
    """Text of the new file: a study of the embedded corpus, its other settings as comments."""
    return resources.files("search.study").joinpath("templates", "study.toml").read_text()


def setting_comments() -> dict[str, str]:
    """What the new file says of each setting, by its name with its table, as ``train.lr``."""
    comments: dict[str, str] = {}
    table = last = ""
    for line in study_file_text().splitlines():
        setting = _SETTING.fullmatch(line)
        if heading := _TABLE.match(line):
            table = f"{heading['name']}."
        elif setting:
            last = table + setting["name"] if setting["comment"] else ""
            comments |= {last: setting["comment"]} if last else {}
        elif (more := _MORE.fullmatch(line)) and last:
            comments[last] += f" {more['comment']}"
    return comments


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
