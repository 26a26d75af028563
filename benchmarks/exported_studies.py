"""Exports that a benchmark needs, made as a user makes them: a study of one layout each."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from search import Study
from search.study.folder import STUDIES


def exported_study(place: Path, name: str, **settings: Any) -> Study:
    """A study of one layout in the folder ``place``, trained and exported unless it is already.

    Args:
        place: folder that holds or will hold ``studies``.
        name: name of the study.
        settings: those of its study file; ``space`` has the layout.
    """
    place.mkdir(parents=True, exist_ok=True)
    with contextlib.chdir(place):
        if (STUDIES / name / "resolved.json").exists():
            study = Study.open(name)
        else:
            study = Study.new(
                name=name,
                search={"algorithm": "grid", "n_trials": 1, "references": False},
                scheduler={"name": "none"},
                **settings,
            )
        if not (study.folder / "export").exists():
            study.run()
            study.export()
    return study


def export_of(place: Path, name: str) -> Path:
    """Folder of the export of a study that ``exported_study`` made."""
    return (place / STUDIES / name / "export").resolve()
