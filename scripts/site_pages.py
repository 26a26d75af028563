"""Pages of the documentation's site that lie outside docs/; a hook of mkdocs.yml.

A link from a page to another file of the repository leads to a page of the site too: text as it
is, a notebook with its cells, anything else as a block of code.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
OUTSIDE = "repository"  # folder of the site for what is not in docs/
_LINK = re.compile(r"(?<=\]\()(?!https?:|mailto:|#)([^)\s#]+)")
_CODE = re.compile(r"(^```.*?^```$|`[^`\n]*`)", re.DOTALL | re.MULTILINE)
_LANGUAGES = {".py": "python", ".toml": "toml", ".sh": "bash", ".yaml": "yaml", ".json": "json"}


def place_of(file: Path) -> str:
    """Place of a file of the repository among the site's sources."""
    if file.is_relative_to(DOCS):
        place = file.relative_to(DOCS).as_posix()
        return place.removesuffix(".ipynb") + ".md" if file.suffix == ".ipynb" else place
    place = f"{OUTSIDE}/{file.relative_to(ROOT).as_posix()}"
    return place if file.suffix == ".md" else f"{place}.md"


def linked(file: Path) -> list[Path]:
    """Files that a page of the repository links to."""
    return [_target(file, link) for text in _prose(file) for link in _LINK.findall(text)]


def markdown_of(file: Path) -> str:
    """The page of a file of the repository, with links as they are from its place in the site."""
    if file.suffix == ".ipynb":
        return _notebook(json.loads(file.read_text(encoding="utf-8")))
    text = file.read_text(encoding="utf-8")
    if file.suffix != ".md":
        name = file.relative_to(ROOT).as_posix()
        return f"# {name}\n\n````{_LANGUAGES.get(file.suffix, '')}\n{text}\n````\n"
    return with_moved_links(text, file)


def with_moved_links(text: str, file: Path) -> str:
    """Markdown of a file of the repository, with links as they are from its place in the site."""
    folder = Path(place_of(file)).parent

    def moved(link: re.Match[str]) -> str:
        return os.path.relpath(place_of(_target(file, link[1])), folder)

    parts = _CODE.split(text)
    parts[::2] = [_LINK.sub(moved, part) for part in parts[::2]]
    return "".join(parts)


def added(pages: Iterable[Path]) -> list[Path]:
    """Targets of links on ``pages``, and on those added, that MkDocs does not find by itself."""
    found: dict[Path, None] = {}
    waiting = list(pages)
    while waiting:
        for target in linked(waiting.pop()):
            is_page = target.suffix == ".ipynb" or not target.is_relative_to(DOCS)
            if is_page and target.is_file() and target not in found:
                found[target] = None
                waiting += [target] if target.suffix == ".md" else []
    return list(found)


def on_files(files: Any, config: Any) -> Any:
    """Let MkDocs add the pages."""
    from mkdocs.structure.files import File, InclusionLevel

    for file in added(sorted(DOCS.rglob("*.md"))):
        level = InclusionLevel.INCLUDED if file.is_relative_to(DOCS) else InclusionLevel.NOT_IN_NAV
        content = markdown_of(file)
        files.append(File.generated(config, place_of(file), content=content, inclusion=level))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Let the links of a page of docs/ lead to the added ones."""
    file = DOCS / page.file.src_uri
    return with_moved_links(markdown, file) if file.is_file() else markdown


def _target(file: Path, link: str) -> Path:
    return Path(os.path.normpath(file.parent / link))


def _prose(file: Path) -> list[str]:
    """The parts of a page that are no code."""
    return _CODE.split(file.read_text(encoding="utf-8"))[::2]


def _notebook(notebook: dict[str, Any]) -> str:
    cells = (("".join(cell["source"]), cell["cell_type"]) for cell in notebook["cells"])
    return "\n\n".join(
        f"```python\n{text}\n```" if kind == "code" else text for text, kind in cells
    )
