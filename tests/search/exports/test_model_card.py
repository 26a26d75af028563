"""The model card of an export, as Hugging Face's hub reads it."""

from __future__ import annotations

import math

import yaml

from tests.search.conftest import RealExport


def test_a_model_card_begins_with_metadata_and_its_tables_have_whole_rows(real_export: RealExport):
    card = (real_export.folder / "README.md").read_text()
    _, head, body = card.split("---\n", 2)
    values = yaml.safe_load(head)
    assert values["language"] == ["de", "en"]
    assert values["pipeline_tag"] == "translation"
    (metric,) = values["model-index"][0]["results"][0]["metrics"]
    assert metric["type"] == "bleu"
    assert not math.isnan(metric["value"])
    tables = [
        [line for line in block.split("\n") if line.startswith("|")]
        for block in body.split("\n\n")
        if block.startswith("|")
    ]
    assert sum(map(len, tables)) > 8
    for rows in tables:
        assert len({row.replace("\\|", "").count("|") for row in rows}) == 1, rows[0]
