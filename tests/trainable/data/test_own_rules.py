"""Languages that earlier versions left to sacremoses: ours give more back, old folders stay."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import sacrebleu
from sacremoses import MosesDetokenizer, MosesTokenizer

from search.exports import translate
from trainable.data.corpus import Pairs, ParallelText, from_raw
from trainable.data.manifest import Manifest
from trainable.data.moses import Moses
from trainable.data.prepare import prepare
from trainable.data.prepare_sentences import prepare_sentences
from trainable.data.sentences import Sentences, sentence_split
from trainable.data.tokenizer import Tokenizer
from trainable.tasks.registry import load_task
from trainable.tasks.translation import Translation

EXPORT = Path(__file__).parents[2] / "legacy/exports/plain"
SENTENCES = {
    "fi": [
        "”Tule tänne”, sanoi Liisa.",
        "EU:n jäsenmaat tapaavat klo 10:30.",
        "Se on raa’an lihan syy, ei ”minun vikani”.",
    ],
    "ga": [
        "D'imigh sé abhaile, b'fhéidir.",
        "D'ól sí an tae agus d'ith sí an t-arán.",
        "Tá m'athair anseo (nó ansiúd).",
    ],
    "cs": [
        "„Nevím,“ řekl, „kde je.“",
        "Stalo se to v letech 1939–1945… a potom?",
        "Přijde a/nebo zavolá; má 1 234,5 Kč.",
    ],
    "fr": ["L’équipe n’est pas arrivée.", "C’est « l’ami » d’aujourd’hui : qu’en dis-tu ?"],
    "it": ["L’amico dell’avvocato non c’è.", "Vorrei dell'acqua, per favore!"],
}
LANGUAGES = list(SENTENCES)


def by_sacremoses(lines: list[str], language: str) -> tuple[list[str], list[str]]:
    """Tokens and text by sacremoses alone, as in earlier versions."""
    tokenizer, detokenizer = MosesTokenizer(lang=language), MosesDetokenizer(lang=language)
    tokens = [str(tokenizer.tokenize(line, return_str=True)) for line in lines]
    return tokens, [str(detokenizer.detokenize(line.split())) for line in tokens]


@pytest.mark.parametrize("language", LANGUAGES)
def test_more_comes_back_by_our_rules_than_by_sacremoses(language: str):
    moses, lines = Moses(language, cased=True), SENTENCES[language]
    ours = [moses.detokenise(moses.tokenise(line)) for line in lines]
    _, theirs = by_sacremoses(lines, language)
    assert sacrebleu.corpus_bleu(theirs, [lines]).score < 95
    assert ours == lines


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_earlier_rules_are_those_of_sacremoses(language: str):
    moses, lines = Moses(language, cased=True, earlier=True), SENTENCES[language]
    tokens, text = by_sacremoses(lines, language)
    assert [moses.tokenise(line) for line in lines] == tokens
    assert [moses.detokenise(line) for line in tokens] == text


@pytest.mark.parametrize("language", ["de", "en", "tr", "hi", "zh"])
def test_the_rules_of_other_languages_are_as_they_were(language: str):
    line = "„So“ it's l'ami d’or 3 % – ok ? 我 不 知道 。 क्या ?"
    now, earlier = Moses(language), Moses(language, earlier=True)
    assert now.tokenise(line) == earlier.tokenise(line)
    assert now.detokenise(line) == earlier.detokenise(line)


def prepared(out: Path, src: str, tgt: str) -> Manifest:
    lines = SENTENCES[tgt] * 3
    other = [f"this is the sentence of number {n}." for n in range(len(lines))]
    split = from_raw(Pairs(src=other, tgt=lines), src=src, tgt=tgt)
    splits = {"train": split, "valid": split, "test": split}
    corpus = ParallelText(name="iwslt", src=src, tgt=tgt, splits=splits, licence="none")
    return prepare(lambda: corpus, out, n_merges=60)


def made_earlier(folder: Path) -> Path:
    """A copy of a folder whose manifest is as earlier versions wrote it."""
    copy = folder.with_name(f"{folder.name}-earlier")
    shutil.copytree(folder, copy)
    values = json.loads((copy / "manifest.json").read_text())
    del values["tokenizer"]["own_rules"]
    (copy / "manifest.json").write_text(json.dumps(values))
    return copy


def test_a_folder_names_its_languages_with_own_rules_and_keeps_to_them(tmp_path: Path):
    folder = tmp_path / "cs"
    manifest = prepared(folder, "en", "cs")
    assert manifest.tokenizer.own_rules == ("cs",)
    assert "own rules for cs" in str(manifest.tokenizer)
    earlier = made_earlier(folder)
    lines = [line.lower() for line in SENTENCES["cs"]]
    for place, expected in ((folder, lines), (earlier, by_sacremoses(lines, "cs")[1])):
        tokenizer = Tokenizer.load(place, "tgt")
        assert [tokenizer.decode(tokenizer.encode(line)) for line in lines] == expected
    # Outputs of both differ, and so do scores: they are not the same data.
    assert Manifest.load(earlier).digest != manifest.digest


def test_tokenised_bleu_is_of_the_folders_own_tokens(tmp_path: Path):
    folder = tmp_path / "fi"
    prepared(folder, "en", "fi")
    line = "eu:n jäsen on ”tässä” tänään."
    words = []
    for place in (folder, made_earlier(folder)):
        task = load_task(str(place))
        assert isinstance(task, Translation)
        (metric,) = (one for one in task.further_metrics if one.name == "tokenised BLEU")
        words.append(metric.prepared([line])[0])  # type: ignore[attr-defined]
    assert words == [Moses("fi").tokenise(line), by_sacremoses([line], "fi")[0][0]]
    assert words[0] != words[1]


def test_a_folder_without_such_a_language_has_the_digest_of_earlier_ones(
    grammar_folder: Path, tmp_path: Path
):
    shutil.copytree(grammar_folder, tmp_path / "de")
    manifest = Manifest.load(grammar_folder)
    assert manifest.tokenizer.own_rules == ()
    assert Manifest.load(made_earlier(tmp_path / "de")).digest == manifest.digest


def test_an_old_export_detokenises_as_it_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    tokens = "eu : n ” jäsen ” on & apos ; tässä &apos; ."
    monkeypatch.setattr(translate, "decode", lambda *_args, **_choices: [tokens])
    outputs = []
    for own_rules in ({}, {"own_rules": ["fi"]}):
        folder = tmp_path / f"export-{len(outputs)}"
        shutil.copytree(EXPORT, folder)
        (folder / "dict.en.txt").rename(folder / "dict.fi.txt")
        values = json.loads((folder / "manifest.json").read_text())
        values["tgt"] = "fi"
        values["tokenizer"] |= own_rules
        (folder / "manifest.json").write_text(json.dumps(values))
        outputs += translate.Translator(folder).translate(["der hund"], beam=1)
    assert outputs[0] == MosesDetokenizer(lang="fi").detokenize(tokens.split())
    assert outputs[1] == Moses("fi").detokenise(tokens) != outputs[0]


def test_sentences_for_an_old_vocabulary_have_its_tokens(tmp_path: Path):
    split = sentence_split(SENTENCES["fi"] * 9, language="fi")
    splits = {"train": split, "valid": split, "test": split}
    corpus = Sentences(name="m", language="fi", has_labels=False, splits=splits, licence="none")
    words, _ = by_sacremoses(split.raw.src, "fi")
    old_splits = dict.fromkeys(splits, replace(split, tokens=Pairs(src=words, tgt=words)))
    prepare_sentences(
        lambda: replace(corpus, splits=old_splits), tmp_path / "v", task="masked_lm", n_merges=50
    )
    old = made_earlier(tmp_path / "v")
    prepare_sentences(
        lambda: corpus, tmp_path / "out", task="masked_lm", n_merges=50, vocabulary=old
    )
    assert Manifest.load(tmp_path / "out").tokenizer.own_rules == ()
    for name in ("train.bin", "valid.bin"):
        assert (tmp_path / "out" / name).read_bytes() == (old / name).read_bytes()
