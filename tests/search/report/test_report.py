import base64
import dataclasses
import hashlib
import re
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markupsafe import Markup, escape

from search.report.page import page_html, write_report
from search.report.reported_study import ReportedStudy, read_study
from search.report.scored_trials import axes_of, scored
from search.report.sections import SECTIONS
from search.report.sections.parallel import axes_for
from search.report.sections.progress import steps_of
from search.report.sections.settings import flat, without_login
from search.report.sections.timeline import spans_of
from search.report.templating import data_block, figures
from search.study.config import StudyConfig
from search.study.folder import StudyFolder
from search.study.ledger import Ledger
from search.study.ranking import best_trial
from spaces.errors import UserError
from tests.search.command_line import reservoir_search
from tests.search.conftest import RealStudy
from tests.search.report_studies import HOSTILE, completed, mixed, reported, searched_study


class Elements(HTMLParser):
    """The start tags of a page with their attributes, and the contents of its scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self._in_script = False
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        self._in_script = tag == "script" and "type" not in dict(attributes)
        if self._in_script:
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self._in_script:
            self.scripts[-1] += data

    def handle_endtag(self, tag: str) -> None:
        self._in_script = False

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def kept_folder(
    tiny_study: Callable[..., StudyConfig],
    small_grammar: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> StudyFolder:
    """A whole study, some of its suggestions known, with every kind of ending; only read."""
    config = tiny_study(search={"algorithm": "random", "n_trials": 40})
    return searched_study(config, tmp_path_factory.mktemp("studies") / "tiny", small_grammar)


@pytest.fixture(scope="module")
def study(kept_folder: StudyFolder) -> ReportedStudy:
    return read_study(kept_folder)


@pytest.fixture(scope="module")
def page(study: ReportedStudy) -> str:
    return html_of(study)


@pytest.fixture
def folder(kept_folder: StudyFolder, tmp_path: Path) -> StudyFolder:
    """The same study, for a test to change."""
    return StudyFolder(shutil.copytree(kept_folder.path, tmp_path / "tiny"))


def html_of(study: ReportedStudy) -> str:
    sections = [section for make in SECTIONS if (section := make(study)) is not None]
    return page_html(study, sections)


def text_of(study: ReportedStudy, name: str) -> str:
    """Text of a section, as a reader sees it."""
    bodies = [
        section.body
        for make in SECTIONS
        if (section := make(study)) is not None and section.name == name
    ]
    return " ".join(Markup(re.sub("<[^>]*>", " ", bodies[0])).unescape().split())


def test_the_winner_is_named_with_what_to_run_next(study: ReportedStudy) -> None:
    best = study.best
    assert best is not None
    text = text_of(study, "winner")
    assert (
        f"Trial {best.id}, encoder {best.canonical} , reached the highest AUCC per million" in text
    )
    assert f"reservoir-search export {study.argument}" in text


def test_without_replicates_the_noise_between_seeds_is_unknown(study: ReportedStudy) -> None:
    text = text_of(study, "winner")
    assert "the noise between seeds is unknown" in text
    assert f"reservoir-search confirm {study.argument}" in text


def test_texts_of_trials_stay_texts(page: str) -> None:
    assert HOSTILE not in page
    assert "&lt;script&gt;alert(&#39;trial&#39;)" in page
    assert "machine &lt;1&gt;" in page
    assert len(Elements(page).scripts) == 2  # plotly and our own


def test_data_cannot_end_the_script_that_holds_them() -> None:
    assert "<" not in data_block(["</script><script>alert(1)</script>"])


def test_nothing_is_fetched_when_the_page_opens(page: str) -> None:
    elements = Elements(page)
    addresses = [
        address
        for _, attributes in elements.tags
        for name, address in attributes.items()
        if name in ("src", "href", "srcset", "action", "xlink:href") and address is not None
    ]
    assert addresses
    assert all(address.startswith(("#", "data:,")) for address in addresses)
    style = page[page.index("<style>") : page.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style


def test_only_the_scripts_of_the_page_may_run(page: str) -> None:
    elements = Elements(page)
    policy = next(m["content"] for m in elements.all("meta") if "http-equiv" in m)
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    for script in elements.scripts:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert "unsafe-inline" not in policy.partition("script-src")[2]


def test_every_picture_has_a_label_or_is_hidden_from_screen_readers(page: str) -> None:
    elements = Elements(page)
    drawings = elements.all("svg") + [a for _, a in elements.tags if a.get("role") == "img"]
    assert drawings
    assert all(a.get("aria-label") or a.get("aria-hidden") == "true" for a in drawings)


def test_every_section_that_has_something_to_say_has_a_link_to_it(
    page: str, study: ReportedStudy
) -> None:
    elements = Elements(page)
    places = {attributes.get("id") for _, attributes in elements.tags}
    links = [a["href"] for a in elements.all("a")]
    made = [section.name for make in SECTIONS if (section := make(study)) is not None]
    # Nothing was confirmed or reproduced, and the trials are too few for correlations.
    silent = {"confirmation", "reproduction", "correlations"}
    assert len(made) == len(SECTIONS) - len(silent)
    assert silent.isdisjoint(made)
    assert links == ["#main", *(f"#{name}" for name in made)]
    assert all(link is not None and link[1:] in places for link in links)


def test_every_trial_is_in_the_table_with_its_mlflow_run(study: ReportedStudy) -> None:
    text = text_of(study, "trials")
    for record in study.records:
        assert record.state in text
        if record.mlflow_run_id:
            assert record.mlflow_run_id in text


def test_every_ending_is_listed_with_its_reason(study: ReportedStudy) -> None:
    text = text_of(study, "endings")
    n_trials, n_known = len(study.records), study.suggestions.n_repeats.total()
    assert n_known > 0  # 40 random suggestions from so few layouts include repeats
    assert f"{n_trials + n_known} suggestions: {n_trials} trials (" in text
    assert f"{n_known} known" in text
    assert HOSTILE in text
    assert "by the scheduler at update 4" in text


def test_the_repeated_are_counted_by_trial(study: ReportedStudy) -> None:
    keys = {record.optuna_number for record in study.records}
    repeated = [trial for trial in study.suggestions.trials if trial.number not in keys]
    assert study.suggestions.n_repeats.total() == len(repeated)


def test_candidates_out_of_bounds_are_listed_with_their_reason(
    tiny_study: Callable[..., StudyConfig], small_grammar: Path, tmp_path: Path
) -> None:
    config = tiny_study(
        search={"algorithm": "random", "n_trials": 10}, objective={"max_mparams": 0.0115}
    )
    study = reported(config, tmp_path / "tiny", small_grammar)
    assert study.suggestions.refusals
    assert "M parameters are over max_mparams 0.0115" in text_of(study, "endings")


def test_settings_versions_and_data_are_all_there(study: ReportedStudy) -> None:
    text = text_of(study, "settings")
    settings = dict(flat(study.resolved["study"]))
    assert settings["train.lr"] == "0.005"
    assert settings["space.interleaving"] == "bottom, top"
    for name, value in (settings | study.resolved["versions"]).items():
        assert f"{name} {value}" in text
    assert "600 training, 40 validation, 40 test" in text
    assert "case:lc|eff:no|tok:13a" in text
    assert study.manifest is not None
    assert study.manifest.licence in text


def test_logins_in_addresses_are_not_passed_on() -> None:
    assert without_login("uri = 'http://me:secret@host/x'") == "uri = 'http://…@host/x'"
    assert without_login("s3://bucket/a@b") == "s3://bucket/a@b"


def test_the_study_is_only_read(folder: StudyFolder, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.path.iterdir()}
    read_study(folder)
    assert {path.name: path.read_bytes() for path in folder.path.iterdir()} == before


def test_a_search_at_work_can_be_reported(folder: StudyFolder) -> None:
    with folder.optuna_log.open("a") as log:
        log.write('{"op_code": 4, "wor')  # half a line
    with folder.trials.open("a") as trials:
        trials.write('{"id": 0, "la')
    study = read_study(folder)
    assert study.best is not None
    assert study.suggestions.trials


def test_a_study_without_a_completed_trial_has_no_winner(
    tiny_study: Callable[..., StudyConfig], small_grammar: Path, tmp_path: Path
) -> None:
    study = reported(
        tiny_study(), tmp_path / "tiny", small_grammar, lambda r: {"state": "failed", "reason": "x"}
    )
    assert "nothing to compare" in text_of(study, "winner")
    assert "No winner yet" in html_of(study)


def test_a_study_before_its_first_trial_can_be_reported(
    tiny_study: Callable[..., StudyConfig], small_grammar: Path, tmp_path: Path
) -> None:
    folder = StudyFolder(tmp_path / "tiny")
    folder.path.mkdir()
    folder.resolve(tiny_study(), small_grammar)
    assert "No winner yet" in html_of(read_study(folder))
    assert not folder.optuna_log.exists()


def test_a_study_of_two_objectives_can_be_reported(
    tiny_study: Callable[..., StudyConfig], small_grammar: Path, tmp_path: Path
) -> None:
    config = tiny_study(
        objective={"name": "pareto"},
        scheduler={"name": "none", "grace": None},
        search={"algorithm": "tpe", "n_trials": 12},
    )
    study = reported(config, tmp_path / "tiny", small_grammar, lambda r: completed(r, 10 + r.id))
    assert "no single layout is best" in text_of(study, "winner")


def test_data_that_moved_away_are_said_to_be_gone(folder: StudyFolder, tmp_path: Path) -> None:
    folder.change(data=str(tmp_path / "gone"))
    assert "no longer where the study found them" in text_of(read_study(folder), "settings")


def test_a_folder_for_the_page_and_a_file_for_the_figures_are_refused(
    folder: StudyFolder, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(UserError, match=f"^--out {tmp_path}: is a folder; name an HTML file$"):
        write_report(folder, tmp_path, None)
    with pytest.raises(UserError, match=f"^--png {file}: is a file; name a folder$"):
        write_report(folder, None, file)


def test_a_report_replaces_the_one_before(folder: StudyFolder) -> None:
    assert write_report(folder, None, None) == [folder.report]
    first = folder.report.read_text()
    ledger = Ledger.open(folder.trials)
    ledger.update(0, **completed(ledger[0], 99.0))
    write_report(folder, None, None)
    assert "99.00" not in first
    assert "99.00" in folder.report.read_text()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_real_study_is_reported_from_the_command_line(
    real_study: RealStudy, tmp_path: Path
) -> None:
    page, figures = tmp_path / "page.html", tmp_path / "figures"
    done = reservoir_search(
        "report", "mine", "--out", str(page), "--png", str(figures), cwd=real_study.place
    )
    assert done.returncode == 0, done.stderr
    first, *others = done.stdout.splitlines()
    assert Path(first) == page
    assert {Path(other) for other in others} == set(figures.iterdir())
    study = read_study(real_study.folder)
    best = best_trial(real_study.records, study.config.objective)
    assert best is not None
    html = page.read_text()
    assert f"Trial {best.id}, encoder <code>{best.canonical}</code>" in html
    for record in real_study.records:
        assert record.mlflow_run_id is not None
        assert record.mlflow_run_id in html
        assert escape(record.reason or "") in html
    assert study.suggestions.by_number.keys() >= {r.optuna_number for r in real_study.records}


def test_a_missing_study_is_one_line_of_error(tmp_path: Path) -> None:
    done = reservoir_search("report", "nowhere", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error: study 'nowhere'")


def test_the_figures_for_papers_are_pngs_of_print_size(folder: StudyFolder, tmp_path: Path) -> None:
    page, *pictures = write_report(folder, tmp_path / "out" / "page.html", tmp_path / "figures")
    assert page.is_file()
    assert {path.stem for path in pictures} >= {
        "layouts",
        "curves-updates",
        "curves-seconds",
        "curves-tokens",
        "curves-flops",
        "fronts",
        "effects",
    }
    for path in pictures:
        content = path.read_bytes()
        assert content.startswith(b"\x89PNG")
        assert int.from_bytes(content[16:20], "big") > 600  # its width


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (400.0, "400"),
        (0.1640, "0.1640"),
        (71.329, "71.33"),
        (89203.4, "89,203"),
        (0.0, "0"),
        (-0.5, "-0.5000"),
    ],
)
def test_numbers_keep_their_significant_digits(value: float | None, text: str) -> None:
    assert figures(value) == text


def test_a_table_keeps_the_decimals_of_a_column_alike(study: ReportedStudy, page: str) -> None:
    table = page[page.index('id="trials-table"') :]
    rows = re.findall(r"<tr data-state=.*?</tr>", table, re.DOTALL)
    bleu = [re.findall(r">([^<>]*)</t[dh]>", row)[7] for row in rows]
    assert {len(text.partition(".")[2]) for text in bleu if text != "–"} == {2}
    assert len(rows) == len(study.records)


def test_endings_of_the_made_up_outcomes_are_of_every_kind(study: ReportedStudy) -> None:
    assert {record.state for record in study.records} == {"completed", "stopped", "failed"}
    assert mixed(study.records[3])["state"] == "failed"


def test_the_best_so_far_never_falls_and_ends_at_the_winner(study: ReportedStudy) -> None:
    steps = steps_of(study)
    values = [step.best.objective for step in steps if step.best.objective is not None]
    assert values == sorted(values)
    assert study.best is not None
    assert steps[-1].best.id == study.best.id
    assert len(steps) == len(study.compared)
    assert "Would more trials help?" in text_of(study, "progress")


def test_each_axis_of_the_parallel_coordinates_goes_from_0_to_1(study: ReportedStudy) -> None:
    trials = scored(study)
    axes = axes_for(trials)
    assert {axis.name for axis in axes[:-1]} == set(axes_of(trials))
    for axis in axes[:-1]:
        heights = [axis.height(t.params[axis.name]) for t in trials if axis.name in t.params]
        assert (min(heights), max(heights)) == (0.0, 1.0)
    best = max(trials, key=lambda trial: trial.objective)
    assert axes[-1].height(best.objective) == 1.0


def test_the_timeline_has_every_trial_that_ended(study: ReportedStudy) -> None:
    spans = spans_of(study)
    assert {span.record.id for span in spans} == {
        record.id for record in study.records if record.state != "running"
    }
    assert all(span.begin <= span.end for span in spans)


def test_a_layout_from_outside_the_space_is_told_apart(study: ReportedStudy) -> None:
    best = study.best
    assert best is not None
    outside = dataclasses.replace(
        best, id=99, key="outside", optuna_number=None, reference="deletion", objective=1e9
    )
    more = dataclasses.replace(study, records=[*study.records[1:], outside])  # one is not tried
    size, n_tried = study.config.space.size(), len(study.records) - 1
    assert size is not None
    assert (
        f"The space has {size}; {n_tried} of them were tried "
        f"({100 * n_tried / size.n_candidates:.2g} %)"
    ) in text_of(more, "progress")
    assert "1 more is left out" in text_of(more, "timeline")
    assert "left out" not in text_of(study, "timeline")
    (table,) = (made.body for make in SECTIONS if (made := make(more)) and made.name == "trials")
    states = re.findall(r'<tr data-state="(\w+)">\s*<th[^>]*>\s*(\d+)', table)
    completed_ids = [int(id_) for state, id_ in states if state == "completed"]
    assert (completed_ids[0], completed_ids[-1]) == (best.id, 99)
