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
    rows = [line for line in body.split("\n") if line.startswith("|")]
    assert len(rows) > 8
    assert {row.replace("\\|", "").count("|") for row in rows} == {3}
