"""The report's page as a reader has it: in a browser, by mouse and keyboard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from search.report.page import page_html, write_report
from search.report.pictures.svg import svg_of
from search.report.reported_study import ReportedStudy, read_study
from search.report.section import Section
from search.report.templating import render
from search.study.config import StudyConfig
from tests.search.report.browser import CHROMIUM, Page, chromium
from tests.search.report_studies import searched_study

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]

WIDTHS = (360, 1280)
SCHEMES = ("light", "dark")
# Each text on the page whose contrast to what is behind it is below 4.5, stacks apart: what is
# behind their letters is a shape, and their colours have a test of their own.
PALE_TEXTS = """(() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parts(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const pale = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let n = 0;
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || element.closest(".stack, script")) continue;
    if (!element.getClientRects().length) continue;
    const style = getComputedStyle(element);
    const front = luminance(parts(element.closest("svg") ? style.fill : style.color));
    const back = luminance(behind(element));
    const [low, high] = [front, back].sort((a, b) => a - b);
    n += 1;
    if ((high + 0.05) / (low + 0.05) < 4.5) pale.push(walker.currentNode.textContent);
  }
  return {n, pale};
})()"""
# Name of an element a, to tell it from others.
CALLED = "a.tagName + ' ' + (a.getAttribute('aria-label') || a.name || a.textContent)"
SHOWN_ROWS = """[...document.querySelectorAll("#trials-table tbody tr:not([hidden])")]
  .map((row) => Number(row.cells[0].textContent))"""


@pytest.fixture(scope="module")
def study(
    tiny_study: Callable[..., StudyConfig],
    small_grammar: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> ReportedStudy:
    config = tiny_study(search={"algorithm": "random", "n_trials": 40})
    folder = searched_study(config, tmp_path_factory.mktemp("studies") / "tiny", small_grammar)
    write_report(folder, None, None)
    return read_study(folder)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with chromium(tmp_path_factory.mktemp("browser")) as page:
        yield page


@pytest.fixture
def page(browser: Page, study: ReportedStudy) -> Page:
    """The report, freshly opened and drawn."""
    browser.resize(1280)
    browser.prefer("light")
    browser.open(study.folder.report)
    browser.wait_for("[...document.querySelectorAll('.plot')].every((p) => p._fullLayout)")
    return browser


def test_the_browser_reports_errors_and_requests(browser: Page, tmp_path: Path) -> None:
    file = tmp_path / "broken.html"
    file.write_text("<img src='http://nowhere.invalid/x.png'><script>missing();</script>")
    browser.open(file)
    assert any("missing is not defined" in error for error in browser.errors)
    assert "http://nowhere.invalid/x.png" in browser.requests


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_it_opens_without_an_error_or_a_request(
    browser: Page, study: ReportedStudy, width: int, scheme: str
) -> None:
    browser.resize(width)
    browser.prefer(scheme)
    browser.open(study.folder.report)
    browser.wait_for("document.querySelectorAll('.plot .main-svg').length > 0")
    assert browser.errors == []
    # A heatmap is an image that plotly makes in the page.
    asked = [address for address in browser.requests if not address.startswith("data:")]
    assert asked == [study.folder.report.as_uri()]


def test_a_script_that_is_not_the_page_s_own_does_not_run(page: Page) -> None:
    page.evaluate(
        "{const s = document.createElement('script'); s.textContent = 'window.ran = 1';"
        " document.body.append(s);}"
    )
    assert page.evaluate("window.ran") is None


def test_hovering_over_a_curve_names_its_trial(page: Page, study: ReportedStudy) -> None:
    plot = "document.getElementById('curves-plot')"
    page.evaluate(f"{plot}.scrollIntoView({{behavior: 'instant', block: 'center'}})")
    assert page.evaluate(f"{plot}.querySelectorAll('.hoverlayer .hovertext').length") == 0
    x, y = page.evaluate(
        f"(() => {{const b = {plot}.querySelectorAll('.scatterlayer .trace')[1]"
        ".querySelector('.point:last-child').getBoundingClientRect();"
        "return [b.x + b.width / 2, b.y + b.height / 2];})()"
    )
    page.move_mouse(x - 5, y)
    page.move_mouse(x, y)
    page.wait_for(f"{plot}.querySelectorAll('.hoverlayer .hovertext').length > 0")
    text = page.evaluate(f"{plot}.querySelector('.hoverlayer .hovertext').textContent")
    best = study.best
    assert best is not None
    assert "trial" in text
    assert "BLEU at 12 updates" in text


def test_the_clock_is_changed_from_the_keyboard(page: Page, study: ReportedStudy) -> None:
    title = "document.querySelector('#curves-plot .xtitle').textContent"
    assert page.evaluate(title) == "updates"
    page.evaluate("document.querySelector('.switch input:checked').focus()")
    page.press("ArrowRight", 39)
    page.wait_for(f"{title} === 'seconds of training'")
    best = study.best
    assert best is not None
    readings = page.evaluate("document.getElementById('curves-plot').data[1].x")
    assert readings == [point.seconds for point in best.curve]


def test_a_heading_sorts_down_and_up(page: Page, study: ReportedStudy) -> None:
    heading = "[...document.querySelectorAll('#trials-table th')][7]"
    assert page.evaluate(f"{heading}.textContent") == "BLEU"
    scores = {record.id: record.best_score or float("-inf") for record in study.records}
    page.evaluate(f"{heading}.querySelector('button').focus()")
    for direction, sign in (("descending", -1), ("ascending", 1)):
        page.press("Enter", 13)
        page.wait_for(f"{heading}.getAttribute('aria-sort') === '{direction}'")
        shown = [scores[id_] for id_ in page.evaluate(SHOWN_ROWS)]
        assert shown == sorted(scores.values(), key=lambda value: sign * value)


def test_the_filters_leave_the_rows_that_fit(page: Page, study: ReportedStudy) -> None:
    page.evaluate("document.querySelector('.filter input').focus()")
    page.send("Input.insertText", text="L1L1")
    wanted = [record for record in study.records if "L1L1" in record.canonical]
    assert 0 < len(wanted) < len(study.records)
    assert sorted(page.evaluate(SHOWN_ROWS)) == [record.id for record in wanted]
    count = page.evaluate("document.querySelector('.filter output').textContent")
    assert count == f"{len(wanted)} of {len(study.records)} trials"
    page.evaluate(
        "{const s = document.querySelector('.filter select'); s.value = 'failed';"
        " s.dispatchEvent(new Event('input', {bubbles: true}));}"
    )
    failed = [record.id for record in wanted if record.state == "failed"]
    assert sorted(page.evaluate(SHOWN_ROWS)) == failed


def test_all_that_can_be_used_is_reached_by_tab(page: Page) -> None:
    reached = []
    for _ in range(80):
        page.press("Tab", 9)
        reached.append(
            page.evaluate(
                f"(() => {{const a = document.activeElement;"
                f" return a.matches('input[type=radio]') ? 'radio' : {CALLED};}})()"
            )
        )
    usable = page.evaluate(
        "[...document.querySelectorAll('a, button, select, input[type=search], summary, .box')]"
        ".filter((a) => a.checkVisibility())"
        f".map((a) => {CALLED})"
    )
    assert len(usable) > 30
    assert {*usable, "radio"} <= set(reached)


def test_nothing_is_wider_than_a_phone(page: Page) -> None:
    page.resize(360)
    page.evaluate("document.querySelectorAll('details').forEach((d) => {d.open = true;})")
    page.wait_for("document.getElementById('curves-plot')._fullLayout.width < 360")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    wide = page.evaluate(
        "[...document.querySelectorAll('main *')]"
        ".filter((e) => !e.closest('.box, .commands, .plot')"
        " && e.getBoundingClientRect().right > 360.5).map((e) => e.outerHTML.slice(0, 80))"
    )
    assert wide == []


def test_a_drawn_figure_is_no_wider_than_a_phone(
    browser: Page, study: ReportedStudy, tmp_path: Path
) -> None:
    drawn = render(
        "reproduction.html", study=study, steering="", tables=[], figure=svg_of(Figure())
    )
    section = Section(name="reproduction", title="Drawn", body=drawn, pictures={})
    file = tmp_path / "drawn.html"
    file.write_text(page_html(study, [section]))
    browser.resize(360)
    browser.open(file)
    width = browser.evaluate("document.querySelector('figure svg').getBoundingClientRect().width")
    assert 200 < width < 360
    assert browser.evaluate("document.documentElement.scrollWidth") == 360


@pytest.mark.parametrize("scheme", SCHEMES)
def test_words_in_a_figure_cover_its_lines(page: Page, scheme: str) -> None:
    page.prefer(scheme)
    words, colours = page.evaluate("""(() => {
      const styles = [...document.querySelectorAll(".annotation-text")].map(getComputedStyle);
      const paper = getComputedStyle(document.body).backgroundColor;
      return [styles.length, styles.map((s) => [s.paintOrder, s.stroke === paper].join(" "))];
    })()""")
    assert words > 0
    assert set(colours) == {"stroke true"}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_text_is_too_pale(page: Page, scheme: str) -> None:
    page.prefer(scheme)
    page.evaluate("document.querySelectorAll('details').forEach((d) => {d.open = true;})")
    page.wait_for(
        "getComputedStyle(document.querySelector('#curves-plot .xtitle')).fill"
        " === getComputedStyle(document.body).color"
    )
    texts = page.evaluate(PALE_TEXTS)
    assert texts["n"] > 300
    assert texts["pale"] == []


def test_all_that_a_screen_reader_stops_at_has_a_name(page: Page) -> None:
    tree = page.send("Accessibility.getFullAXTree")["nodes"]
    roles = {"image", "button", "radio", "searchbox", "combobox", "link", "region"}
    heard = [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in tree
        if not node.get("ignored") and node["role"]["value"] in roles
    ]
    assert {"image", "button", "radio", "searchbox", "combobox", "link", "region"} <= {
        role for role, _ in heard
    }
    assert [role for role, name in heard if not name.strip()] == []
