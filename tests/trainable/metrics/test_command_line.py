"""BLEU is, to the last digit, what sacreBLEU's command line prints."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from trainable.characters import lowered
from trainable.metrics.by_language import metric_by_name

REFERENCES = {
    "de": ["Der Hund, den ich sah, schläft nicht.", "Meine „kleine“ Schwester hat gelacht!"],
    "tr": ["İSTANBUL'da IŞIK bugün de yandı.", "Ankara'ya yarın sabah gidiyorum."],
    "zh": ["我住在北京，他住在上海。", "他昨天买了一本 Python 书。"],
    "ja": ["私は東京に住んでいます。", "「本当ですか？」と彼は聞いた。"],
}
OUTPUTS = {
    "de": ["Der Hund, den ich sah, schläft.", "meine „kleine“ Schwester lacht!"],
    "tr": ["istanbul'da ışık bugün yandı.", "ankara'ya yarın gidiyorum."],
    "zh": ["我住在北京，她住在上海。", "他买了一本 Python 书。"],
    "ja": ["私は東京に住んでいる。", "「本当ですか？」と聞いた。"],
}
TOKENIZERS = {"de": "13a", "tr": "13a", "zh": "zh", "ja": "ja-mecab"}


@pytest.mark.parametrize("cased", [False, True])
@pytest.mark.parametrize("language", list(REFERENCES))
def test_bleu_is_that_of_sacrebleus_command_line(language: str, cased: bool, tmp_path: Path):
    references, outputs = REFERENCES[language], OUTPUTS[language]
    # As the guide says of `lower:tr`: references in Turkish lower case.
    given = [lowered(line, language) for line in references]
    for name, lines in (("ref", references if cased else given), ("out", outputs)):
        text = "".join(f"{line}\n" for line in lines)
        (tmp_path / name).write_text(text, encoding="utf-8")
    printed = subprocess.run(
        [
            *(sys.executable, "-m", "sacrebleu", "ref", "-i", "out", "-b", "-w", "9"),
            *("-tok", TOKENIZERS[language], *([] if cased else ["-lc"])),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    metric = metric_by_name("BLEU", language=language, tokenizer=None, cased=cased)
    assert metric.score(outputs, references) == pytest.approx(float(printed), abs=1e-8)
    assert 5 < float(printed) < 95
