"""Files, pages and headings that the documents name are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "docker").glob("*.md")]
# `search/run/driver.py`, but not a made-up study or the folder of a command's output.
_PATH = re.compile(
    r"\b(?:search|trainable|spaces|tests|benchmarks|scripts)/[\w./-]*\w\.(?:py|sh|toml)"
)


_LINK = re.compile(r"\]\((?!https?:|mailto:)([^)\s#]*)(?:#([^)\s]+))?\)")
_CODE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """Anchors of the headings of ``page``, as GitHub and MkDocs make them."""
    text = _CODE.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings
    }


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_to_a_file_and_to_a_heading_of_it(document: Path):
    text = _CODE.sub("", document.read_text(encoding="utf-8"))
    for place, anchor in _LINK.findall(text):
        target = (document.parent / place).resolve() if place else document
        assert target.exists(), place
        assert not anchor or target.suffix != ".md" or anchor in anchors(target), (place, anchor)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_that_a_document_names_is_there(document: Path):
    named = set(_PATH.findall(document.read_text(encoding="utf-8")))
    named -= {path for path in named if "NAME" in path}  # a placeholder in a recipe
    assert sorted(path for path in named if not (ROOT / path).is_file()) == []


def test_the_design_names_the_files_of_the_way_from_a_command_to_mlflow():
    named = _PATH.findall((ROOT / "docs/design.md").read_text(encoding="utf-8"))
    assert len(set(named)) > 40
