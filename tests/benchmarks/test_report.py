"""A benchmark's report as Markdown and as JSON."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from benchmarks.result import Report, Table
from benchmarks.spread import Spread

REPORT = Report(
    name="sample",
    title="A sample",
    header={"machine": "two cores", "seed": "1"},
    tables=[
        Table(
            caption="Trials a second",
            rows=[
                {"who": "ours", "rate": Spread(median=2.5, low=2.0, high=3.0), "share": 0.125},
                {"who": "theirs", "rate": Spread(median=12345.6, low=9.0, high=2e4), "share": None},
            ],
        )
    ],
    notes=["a note"],
)


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_json_gives_the_report_back():
    assert Report.from_json(REPORT.to_json()) == REPORT


def test_markdown_has_every_cell_in_its_place():
    lines = [line for line in REPORT.to_markdown().splitlines() if line.startswith("|")]
    assert [cells(line) for line in lines] == [
        ["who", "rate", "share"],
        ["---", "---", "---"],
        ["ours", "2.5 (2 to 3)", "0.125"],
        ["theirs", "12,350 (9 to 20,000)", "–"],
    ]


def test_markdown_tells_header_and_notes():
    text = REPORT.to_markdown()
    assert text.startswith("# A sample\n")
    assert "- machine: two cores\n" in text
    assert "- a note\n" in text


def test_only_of_spreads_it_says_that_they_are_medians():
    plain = [Table(caption="Means", rows=[{"who": "ours", "mean": "1.2 ± 0.3"}])]
    assert "medians" in REPORT.to_markdown()
    assert "medians" not in dataclasses.replace(REPORT, tables=plain).to_markdown()


def test_the_recorded_markdown_is_that_of_the_recorded_json():
    for record in (Path(__file__).parents[2] / "benchmarks" / "results").glob("*.json"):
        report = Report.from_json(record.read_text(encoding="utf-8"))
        assert record.with_suffix(".md").read_text(encoding="utf-8") == report.to_markdown()


def test_writing_leaves_the_two_files_and_nothing_else(tmp_path: Path):
    REPORT.write(tmp_path / "new")
    REPORT.write(tmp_path / "new")
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"sample.md", "sample.json"}
    assert Report.from_json((tmp_path / "new/sample.json").read_text(encoding="utf-8")) == REPORT


def test_a_table_whose_rows_differ_in_columns_is_no_table():
    rows = [{"a": 1.0}, {"b": 1.0}]
    with pytest.raises(KeyError):
        dataclasses.replace(REPORT.tables[0], rows=rows).to_markdown()
