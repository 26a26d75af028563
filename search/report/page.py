"""The report's page: its sections in order, written to one HTML file."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from markupsafe import Markup
from plotly.offline import get_plotlyjs  # type: ignore[import-untyped]

from search.report import colours
from search.report.reported_study import ReportedStudy, read_study
from search.report.section import Section
from search.report.sections import SECTIONS
from search.report.sections.against import against
from search.report.templating import read, render
from search.study.folder import StudyFolder
from spaces.errors import UserError
from trainable.atomic import write_atomically


def write_report(
    folder: StudyFolder,
    out: Path | None,
    png: Path | None,
    other: StudyFolder | None = None,
) -> list[Path]:
    """Write the page, and its figures if a folder for them is given.

    Args:
        out: the page's file; ``report.html`` in the study's folder if absent. An earlier
            file is replaced atomically.
        png: the folder of the figures; created if absent.
        other: another study to show beside it.

    Returns:
        The files written, the page first.

    Raises:
        UserError: the study's settings are broken, or a file or folder is of the other kind.
    """
    if out is not None and out.is_dir():
        raise UserError(f"--out {out}: is a folder; name an HTML file")
    if png is not None and png.exists() and not png.is_dir():
        raise UserError(f"--png {png}: is a file; name a folder")
    study = read_study(folder)
    sections = sections_of(study, None if other is None else read_study(other))
    page = out or folder.report
    page.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(page, page_html(study, sections))
    return [page] if png is None else [page, *_write_pictures(sections, png)]


def sections_of(study: ReportedStudy, other: ReportedStudy | None = None) -> list[Section]:
    """Sections of the page; that on another study stands before the layouts."""
    sections = [section for make in SECTIONS if (section := make(study)) is not None]
    if other is not None:
        names = [section.name for section in sections]
        place = names.index("layouts") if "layouts" in names else 1
        sections.insert(place, against(study, other))
    return sections


def page_html(study: ReportedStudy, sections: Sequence[Section]) -> str:
    """HTML of the whole page, scripts and style included."""
    plotly, program = get_plotlyjs(), str(read("page.js"))
    return render(
        "page.html",
        study=study,
        sections=sections,
        style=Markup(colours.css()) + read("style.css"),
        scripts=(Markup(plotly), Markup(program)),
        hashes=[_hash(script) for script in (plotly, program)],
        date=datetime.now(UTC).strftime("%-d %B %Y"),
        version=metadata.version("reservoir-search"),
    )


def _write_pictures(sections: Sequence[Section], folder: Path) -> list[Path]:
    from search.report.pictures.canvas import png_of  # imports matplotlib, which is slow

    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for section in sections:
        for name, plot in section.pictures.items():
            path = folder / f"{name}.png"
            write_atomically(path, png_of(plot()))
            written.append(path)
    return written


def _hash(script: str) -> str:
    """Hash of a script for the page's content security policy, which allows no other scripts."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
