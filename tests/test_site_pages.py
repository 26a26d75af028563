"""Every link of the documentation's site leads to a page or file of the site."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

ROOT = Path(__file__).parents[1]
_SPEC = importlib.util.spec_from_file_location("site_pages", ROOT / "scripts" / "site_pages.py")
assert _SPEC is not None
assert _SPEC.loader is not None
site = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(site)

DOCS = sorted((ROOT / "docs").rglob("*.md"))
ADDED = site.added(DOCS)


@pytest.mark.parametrize("file", [*DOCS, *ADDED], ids=lambda file: str(file.relative_to(ROOT)))
def test_a_link_leads_to_a_part_of_the_site(file: Path):
    own = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.*")}
    places = own | {site.place_of(path) for path in ADDED}
    place = site.place_of(file)
    assert place in places
    parts = site._CODE.split(site.markdown_of(file))[::2]
    links = [link for part in parts for link in site._LINK.findall(part)]
    assert {os.path.normpath(Path(place).parent / link) for link in links} <= places


def test_files_outside_docs_and_the_notebook_are_pages_of_the_site():
    names = {path.relative_to(ROOT).as_posix() for path in ADDED}
    assert {"SECURITY.md", "docker/README.md", "docs/notebooks/study.ipynb"} <= names
    config = yaml.load((ROOT / "mkdocs.yml").read_text(), Loader=yaml.BaseLoader)
    assert "notebooks/study.md" in str(config["nav"])
    assert config["validation"]["links"]["not_found"] == "warn"  # an error with --strict


def test_a_notebook_becomes_text_and_code():
    page = site.markdown_of(ROOT / "docs/notebooks/study.ipynb")
    assert page.startswith("# A search from Python\n")
    assert "```python\nfrom search import Study\n" in page


def test_links_in_code_stay_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "page.md").write_text("[a](../LICENSE) `[a](../LICENSE)` [b](#c) [d](https://e)\n")
    monkeypatch.setattr(site, "ROOT", tmp_path)
    monkeypatch.setattr(site, "DOCS", docs)
    text = site.markdown_of(docs / "page.md")
    assert text == "[a](repository/LICENSE.md) `[a](../LICENSE)` [b](#c) [d](https://e)\n"


def test_what_mkdocs_and_other_hooks_have_made_of_a_page_stays():
    page = SimpleNamespace(file=SimpleNamespace(src_uri="design.md"))
    text = site.on_page_markdown("Changed: [licence](../LICENSE)\n", page, config=None, files=None)
    assert text == "Changed: [licence](repository/LICENSE.md)\n"
