"""The model card of an export, as Hugging Face's hub reads it."""

from __future__ import annotations

import hashlib
import math
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import yaml
from markdown_it import MarkdownIt

from search.exports.exported import Exported
from search.exports.exported_scores import FurtherScores
from search.exports.model_card import model_card
from search.study.trial_record import TrialRecord
from tests.encoder_exports import encoder_trial
from tests.search.conftest import RealExport
from trainable.config import TrialConfig
from trainable.tasks.registry import load_task, load_vocabulary
from trainable.tasks.task import Scores, Task


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


def exported_of(
    trial: TrialConfig, task: Task, record: TrialRecord, *, verdict: str | None = None
) -> Exported:
    scores = Scores(score=20.0, loss=3.0, signature="case:lc|tok:13a", outputs=())
    return Exported(
        record=record,
        config=trial,
        task=task,
        curve=record.curve,
        trained_in_full=False,
        valid=scores,
        test=scores,
        verdict=verdict,
    )


def test_a_card_names_the_export_that_the_training_started_from_and_not_its_place(
    language_export: Path, kinds: Path, tmp_path: Path, make_record: Callable[..., TrialRecord]
):
    start = Path(shutil.copytree(language_export, tmp_path / "mine" / "export"))
    trial = encoder_trial(kinds, seed=7, train={"init_from": str(start), "label_smoothing": 0.0})
    exported = exported_of(trial, load_task(str(kinds)), make_record())
    digest = hashlib.sha256((start / "model.safetensors").read_bytes()).hexdigest()
    card = model_card(exported, {})
    (row,) = (line for line in card.split("\n") if line.startswith("| start of the training |"))
    assert "`mine/export`, `R1LR1L`" in row
    assert digest[:16] in row
    assert str(tmp_path) not in card
    assert "with fairseq itself, but for what it says" in card
    shutil.rmtree(start)
    assert "`mine/export`, `R1LR1L`, which is gone |" in model_card(exported, {})


def test_a_cards_table_renders_whole_whatever_the_names_in_it(
    tiny_trial: TrialConfig, make_record: Callable[..., TrialRecord]
):
    task = load_vocabulary(tiny_trial.data)
    names = {"corpus": "news | talks", "licence": "CC BY 4.0\n\nor | ours"}
    task.manifest = task.manifest.model_copy(update=names)
    exported = exported_of(tiny_trial, task, make_record(), verdict="better | worse")
    further = {
        "tokenised BLEU": FurtherScores(score_valid=31.0, score_test=32.5, signature="tok:none|x")
    }
    _, _, body = model_card(exported, further).split("---\n", 2)
    page = MarkdownIt("commonmark").enable("table").render(body)
    rows = re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)
    assert [row.count("<td>") for row in rows[1:]] == [2] * (len(rows) - 1)
    assert "<td>news | talks, licence: CC BY 4.0 or | ours</td>" in page
    assert "case:lc|tok:13a" in page
    assert "<td>better | worse</td>" in page
    assert "<td>tokenised BLEU, test</td>\n<td>32.50 (beam 5, tok:none|x)</td>" in page
