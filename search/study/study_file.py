"""Which file a user means by the path or the name of a study file."""

from __future__ import annotations

from pathlib import Path

from search.study.folder import STUDIES
from spaces.errors import UserError


def study_file(text: str) -> Path:
    """Path of a study file; a bare NAME, of no file here, means studies/NAME.toml.

    Raises:
        UserError: neither is there.
    """
    path, shipped = Path(text), STUDIES / f"{text}.toml"
    if path.exists() or path.suffix == ".toml":
        return path
    if not shipped.is_file():
        known = study_file_names()
        others = f"; study files there: {', '.join(known)}" if known else ""
        raise UserError(f"study file '{text}': neither {text} nor {shipped} is there{others}")
    return shipped


def study_file_names() -> list[str]:
    """Names of the study files in studies/, in order."""
    return sorted(path.stem for path in STUDIES.glob("*.toml"))
