"""Exports that a benchmark needs, made as a user makes them: a study of one layout each."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search import Study
from search.study.folder import STUDIES


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedStudy:
    """An export, and what its training cost."""

    export: Path
    flops: float
    seconds: float  # validation left out


def exported_study(place: Path, name: str, **settings: Any) -> ExportedStudy:
    """A study of one layout in the folder ``place``, trained and exported unless it is already.

    Args:
        place: folder that holds or will hold ``studies``.
        name: name of the study.
        settings: those of its study file; ``space`` has the layout.
    """
    place.mkdir(parents=True, exist_ok=True)
    with contextlib.chdir(place):  # studies are in the working folder
        if (STUDIES / name / "resolved.json").exists():
            study = Study.open(name)
        else:
            study = Study.new(
                name=name,
                search={"algorithm": "grid", "n_trials": 1, "references": False},
                scheduler={"name": "none"},
                **settings,
            )
        export = study.folder / "export"
        if not export.exists():
            study.run()
            study.export()
        last = study.curves.iloc[-1]
        return ExportedStudy(
            export=export.resolve(), flops=float(last["flops"]), seconds=float(last["seconds"])
        )
