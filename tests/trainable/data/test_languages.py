"""Text of many languages: it comes back from its tokens, and perfect translations score 100."""

from __future__ import annotations

import gzip
import json
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import sacrebleu

from spaces.errors import UserError
from trainable.characters import lowered, normal
from trainable.data.blobs import Blob
from trainable.data.corpus import Pairs, ParallelText, from_raw
from trainable.data.documents import read_documents
from trainable.data.labelled import labelled
from trainable.data.lines import lines_of, published_lines
from trainable.data.manifest import Manifest
from trainable.data.metric import metric_of_data
from trainable.data.monolingual import monolingual
from trainable.data.moses import Moses
from trainable.data.prepare import prepare
from trainable.data.split_files import SplitFiles
from trainable.data.text import TextFiles, text
from trainable.data.tokenisation import Tokenisation
from trainable.data.tokenizer import Tokenizer

SENTENCES = {
    "hi": ["मैं स्कूल जाता हूँ।", "“क्या तुम ठीक हो?”, उसने पूछा।", "मेरे पास ५ किताबें हैं; ₹500 में।"],
    "ar": ["هل أنت بخير؟ نعم، أنا بخير.", "قال: «لا أعرف؛ ربما غدًا».", "هٰذا كِتَابٌ جميل (جدًّا)!"],
    "fa": ["من می‌خواهم به خانه بروم.", "آیا کتاب‌ها را دیدی؟ بله، دیدم."],
    "ur": ["میں سکول جاتا ہوں۔", "کیا آپ ٹھیک ہیں؟ جی ہاں، شکریہ۔"],
    "tr": ["Ankara'ya gidiyorum.", "İSTANBUL'da IŞIK yandı.", "Ali’nin %50 payı var, dedi."],
    "uk": ["П'ять хлопців з'їли м'ясо.", "«Так», — сказав він."],
    "el": ["Πού είναι ο ΟΔΥΣΣΕΥΣ; Δεν ξέρω."],
    "he": ["הוא גר בארה״ב, נכון?", 'צה"ל הודיע (אתמול) על כך.'],
    "es": ["¿Dónde estás? ¡Aquí!", "Dijo: «No sé»."],
    "zh": ["我住在北京。", "他昨天买了一本书，“很好看”！"],
    "ja": ["私は東京に住んでいます。", "「本当ですか？」と聞いた。"],
    "th": ["ฉันไปโรงเรียน", "เขาชอบอ่านหนังสือ มาก"],
    "km": ["ខ្ញុំទៅសាលារៀន។"],
    "ko": ["나는 학교에 간다.", '"정말?" 하고 물었다.'],
}


@pytest.mark.parametrize("language", [name for name in SENTENCES if name not in ("th", "km")])
def test_sentences_come_back_from_their_words(language: str):
    moses = Moses(language, cased=True)
    for sentence in SENTENCES[language]:
        assert moses.detokenise(moses.tokenise(sentence)) == sentence


@pytest.mark.parametrize("language", ["zh", "ja", "th", "km"])
def test_words_of_a_language_without_spaces_are_joined_without(language: str):
    moses = Moses(language)
    for sentence in SENTENCES[language]:
        spread = " ".join(sentence.replace(" ", ""))
        assert moses.detokenise(spread) == sentence.replace(" ", "")
    assert moses.detokenise("我 有 iPhone 15 Pro 。") == "我有iPhone 15 Pro。"


@pytest.mark.parametrize(
    ("language", "raw", "low"),
    [
        ("tr", "İSTANBUL'da IŞIK yandı.", "istanbul'da ışık yandı."),
        ("az", "I İ", "ı i"),
        ("en", "IT IS", "it is"),
        ("el", "Ο ΟΔΥΣΣΕΥΣ ΣΑΣ", "ο οδυσσευς σας"),
    ],
)
def test_lower_case_is_that_of_the_language(language: str, raw: str, low: str):
    assert lowered(raw, language) == low
    assert Moses(language).detokenise(Moses(language).tokenise(raw)) == low


def test_decomposed_text_has_the_tokens_of_composed_text():
    composed = "Die schönen Häuser über dem Fluss."
    decomposed = "Die scho\u0308nen Ha\u0308user u\u0308ber dem Fluss."
    assert composed != decomposed
    assert Moses("de").tokenise(decomposed) == Moses("de").tokenise(composed)


def test_composing_is_told(caplog: pytest.LogCaptureFixture):
    from_raw(Pairs(src=["Ha\u0308user", "Haus"], tgt=["houses", "house"]), src="de", tgt="en")
    assert "de: 1 sentences were not in Unicode's form NFC" in caplog.text


@pytest.mark.parametrize("line", ["\u200b", "\x01", "\xad", "\ufeff", " "])
def test_a_line_without_words_is_empty(line: str):
    assert normal(line) == ""
    assert Moses("de").tokenise(line) == ""


def test_a_byte_order_mark_makes_no_token():
    assert Moses("de").tokenise("\ufeffMeine Schwester lacht.") == "meine schwester lacht ."


def test_text_of_cp1252_is_advised_to_be_converted_from_it():
    cp1252 = "„Das ist gut“ – sagte er …\nDer Preis: 5 €.\n".encode("cp1252")
    with pytest.raises(UserError, match="iconv -f CP1252 -t UTF-8"):
        lines_of(Blob(place="a.de", data=cp1252))
    with pytest.raises(UserError, match="iconv -f LATIN1 -t UTF-8"):
        lines_of(Blob(place="a.de", data="Häuser, – „ja“\n".encode() + "schön\n".encode("latin-1")))


def files(folder: Path, src: list[str], tgt: list[str]) -> TextFiles:
    paths = (folder / "train.src", folder / "train.tgt")
    for path, lines in zip(paths, (src, tgt), strict=True):
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return TextFiles(train=(paths,), valid=paths, test=paths)


def test_control_characters_are_refused_with_line_and_character(tmp_path: Path):
    given = files(tmp_path, ["Gut.", "\x84Das\x93 \x96"], ["Good.", "That"])
    with pytest.raises(UserError, match=r"train.src: line 2, character 1 is .*U\+0084.*CP1252"):
        text(given, src="de", tgt="en")


CONTROL = "Er sagte\x85 dann"


def test_every_reader_of_a_users_text_refuses_controls_that_are_white_space_too(tmp_path: Path):
    given = files(tmp_path, ["Gut.", CONTROL], ["Good.", "That"])
    table = tmp_path / "t.tsv"
    table.write_text(f"a\tb\na\t{CONTROL}\n", encoding="utf-8")
    one = given.train[0][0] if isinstance(given.train[0], tuple) else table
    refused = r"line 2, character \d+ is the control character U\+0085.*CP1252"
    with pytest.raises(UserError, match=refused):
        text(given, src="de", tgt="en")
    with pytest.raises(UserError, match=refused):
        text(TextFiles(train=(table,)), src="de", tgt="en")
    with pytest.raises(UserError, match=refused):
        monolingual(SplitFiles(train=(one,)), language="de")
    with pytest.raises(UserError, match=refused):
        labelled(SplitFiles(train=(table,)), language="de")
    with pytest.raises(UserError, match=refused):
        read_documents(Blob(place="t.tsv", data=table.read_bytes()))


def test_controls_of_a_published_corpus_are_told_and_stay(caplog: pytest.LogCaptureFixture):
    blob = Blob(place="a.de", data="Gut.\n\x84Das\x93 hier\n".encode())
    assert published_lines(blob) == ["Gut.", "\x84Das\x93 hier"]
    assert "a.de: 1 lines hold control characters U+0080 to U+009F, line 2 first" in caplog.text


MOSES_WORDS = "er sagte &quot; nein &quot; und ging &apos;s nach haus &#124; tür"


def test_tokenised_text_is_taken_as_such_where_the_user_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    given = files(tmp_path, [MOSES_WORDS], ["he said &quot; no &quot;"])
    with caplog.at_level(logging.WARNING):
        split = text(given, src="de", tgt="en", form="tokenised").splits["test"]
        assert not caplog.records
        text(given, src="de", tgt="en")
    assert split.tokens.src == [MOSES_WORDS]
    assert split.raw.tgt == ['he said "no"']
    assert "train.src: line 1 holds &quot;" in caplog.text
    assert "--form tokenised" in caplog.text
    assert len(caplog.records) == 2  # one line for each side


# Prepared folders


def corpus_of(language: str, n_repeats: int = 4) -> ParallelText:
    sentences = SENTENCES[language] * n_repeats
    english = [f"this is the sentence of number {n}." for n in range(len(sentences))]
    split = from_raw(Pairs(src=english, tgt=sentences), src="en", tgt=language)
    return ParallelText(
        name="made-up",
        src="en",
        tgt=language,
        splits={"train": split, "valid": split, "test": split},
        licence="none",
    )


@pytest.mark.parametrize("cased", [False, True])
@pytest.mark.parametrize("language", ["hi", "ar", "tr", "zh", "ja", "th", "ko"])
def test_perfect_translations_score_100(language: str, cased: bool, tmp_path: Path):
    manifest = prepare(
        lambda: corpus_of(language),
        tmp_path / "out",
        n_merges=60,
        tokenisation=Tokenisation(cased=cased),
    )
    references = (tmp_path / "out" / f"test.raw.{language}").read_text().splitlines()
    tokenizer = Tokenizer.load(tmp_path / "out", "tgt")
    outputs = [tokenizer.decode(tokenizer.encode(line)) for line in references]
    assert metric_of_data(manifest).score(outputs, references) == pytest.approx(100)
    assert manifest.roundtrip_bleu == 100
    assert outputs == (references if cased else [lowered(line, language) for line in references])


def test_the_tokenizer_of_bleu_and_the_pieces_follow_from_the_language(tmp_path: Path):
    kinds = {}
    for language in ("tr", "zh", "ja", "ko"):
        manifest = prepare(lambda of=language: corpus_of(of), tmp_path / language, n_merges=60)
        assert manifest.metric is not None
        kinds[language] = (manifest.tokenizer.kind, manifest.metric.bleu_tokenizer)
        written = json.loads((tmp_path / language / "manifest.json").read_text())
        assert f"|tok:{kinds[language][1]}" in written["metric"]["signature"]
        assert written["roundtrip_bleu"] == 100
    assert kinds == {
        "tr": ("moses", "13a"),
        "zh": ("sentencepiece", "zh"),
        "ja": ("sentencepiece", "ja-mecab"),
        "ko": ("moses", "ko-mecab"),
    }


class LossyMoses(Moses):
    """A detokenizer that leaves a space before each mark."""

    def detokenise(self, tokens: str) -> str:
        return tokens


def test_text_that_does_not_come_back_is_refused_with_its_characters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr("trainable.data.tokenizer.Moses", LossyMoses)
    with pytest.raises(UserError, match=r"references score only .*'।' \(U\+0964.*--lossy"):
        prepare(lambda: corpus_of("hi"), tmp_path / "out", n_merges=60)
    assert not (tmp_path / "out").exists()
    lossy = Tokenisation(lossy=True)
    manifest = prepare(lambda: corpus_of("hi"), tmp_path / "out", n_merges=60, tokenisation=lossy)
    assert manifest.roundtrip_bleu is not None
    assert manifest.roundtrip_bleu < 95
    assert "devanagari danda" in caplog.text


def test_units_that_the_dictionary_lacks_are_counted_and_scored_but_not_refused(tmp_path: Path):
    corpus = corpus_of("zh")
    rare = from_raw(Pairs(src=["a", "b"], tgt=["我住在魑魅。", "我住在北京。"]), src="en", tgt="zh")
    splits = {"train": corpus.splits["train"], "valid": rare, "test": rare}
    manifest = prepare(lambda: replace(corpus, splits=splits), tmp_path / "out", n_merges=60)
    found = manifest.unknown_units
    assert found is not None
    assert (found.n_references, found.of) == (2, 4)
    assert manifest.roundtrip_bleu == 100
    tokenizer = Tokenizer.load(tmp_path / "out", "tgt")
    words = {line.split()[0] for line in (tmp_path / "out/dict.zh.txt").read_text().splitlines()}
    units = [tokenizer.encode(line).split() for line in rare.raw.tgt]
    outputs = [
        tokenizer.decode(" ".join(unit if unit in words else "<unk>" for unit in line))
        for line in units
    ]
    assert found.roundtrip_bleu == pytest.approx(
        sacrebleu.corpus_bleu(outputs * 2, [rare.raw.tgt * 2], tokenize="zh").score, abs=0.01
    )
    assert found.roundtrip_bleu < 95
    whole = prepare(lambda: corpus, tmp_path / "whole", n_merges=60)
    assert whole.unknown_units is not None
    assert (whole.unknown_units.n_references, whole.unknown_units.roundtrip_bleu) == (0, 100)


def test_the_round_trip_is_scored_by_the_tokenizer_of_bleu_that_was_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("trainable.data.tokenizer.Moses", LossyMoses)
    given = [
        prepare(
            lambda: corpus_of("hi"),
            tmp_path / tokenizer,
            n_merges=60,
            tokenisation=Tokenisation(bleu_tokenizer=tokenizer, lossy=True),
        ).roundtrip_bleu
        for tokenizer in ("13a", "char")
    ]
    assert given[0] != given[1]


def test_given_codes_and_models_are_used_as_they_are(tmp_path: Path):
    prepare(lambda: corpus_of("tr"), tmp_path / "codes", n_merges=40)
    prepare(lambda: corpus_of("zh"), tmp_path / "model", n_merges=60)
    codes, model = tmp_path / "codes" / "bpe.codes", tmp_path / "model" / "sentencepiece.model"
    for given, name in (
        (Tokenisation(bpe_codes=codes), "bpe.codes"),
        (Tokenisation(sentencepiece_model=model), "sentencepiece.model"),
    ):
        out = tmp_path / f"given-{name}"
        manifest = prepare(lambda: corpus_of("tr"), out, n_merges=9, tokenisation=given)
        source = codes if name == "bpe.codes" else model
        assert (out / name).read_bytes() == source.read_bytes()
        assert "given" in str(manifest.tokenizer)
    (tmp_path / "bad").write_text("no codes")
    for given in (
        Tokenisation(bpe_codes=tmp_path / "bad"),
        Tokenisation(sentencepiece_model=tmp_path / "bad"),
    ):
        with pytest.raises(UserError, match=r"bad: cannot be used"):
            prepare(lambda: corpus_of("tr"), tmp_path / "x", n_merges=9, tokenisation=given)


def test_segmented_text_is_binarised_as_it_is(tmp_path: Path):
    given = files(tmp_path, ["das ha@@ us ist alt ."] * 2, ["the hou@@ se is old ."] * 2)
    out = tmp_path / "out"
    manifest = prepare(lambda: text(given, src="de", tgt="en", form="segmented"), out, n_merges=10)
    assert manifest.tokenizer.kind == "none"
    assert not (out / "bpe.codes").exists()
    assert "hou@@ " in (out / "dict.en.txt").read_text()
    assert (out / "test.raw.en").read_text().splitlines()[0] == "the house is old."
    assert Tokenizer.load(out, "tgt").decode("the hou@@ se is old .") == "the house is old."


def test_capitals_of_given_units_stay_and_make_the_model_cased(tmp_path: Path):
    given = files(tmp_path, ["Das Ha@@ us ist alt ."] * 2, ["The hou@@ se is old ."] * 2)
    out = tmp_path / "out"
    manifest = prepare(lambda: text(given, src="de", tgt="en", form="segmented"), out, n_merges=10)
    assert not manifest.tokenizer.lower_case
    assert "case:mixed" in metric_of_data(manifest).signature
    words = (out / "dict.de.txt").read_text().split()
    assert {"Das", "Ha@@"} <= set(words)
    assert set(Tokenizer.load(out, "src").encode("Das Ha@@ us").split()) <= set(words)


def test_capitals_stay_in_cased_data_and_count_in_bleu(tmp_path: Path):
    manifest = prepare(
        lambda: corpus_of("es"), tmp_path / "o", n_merges=60, tokenisation=Tokenisation(cased=True)
    )
    metric = metric_of_data(manifest)
    assert "case:mixed" in metric.signature
    assert metric.score(["ESTE ES UN LIBRO."], ["este es un libro."]) < 50
    assert Tokenizer.load(tmp_path / "o", "tgt").encode("Dijo").replace("@@ ", "") == "Dijo"


def test_folders_of_earlier_versions_have_the_digest_of_today(grammar_folder: Path):
    values = json.loads((grammar_folder / "manifest.json").read_text())
    later = ("metric", "mismatched_score", "roundtrip_bleu", "unknown_units", "losses")
    earlier = {k: v for k, v in values.items() if k not in later}
    earlier["tokenizer"] = {
        name: values["tokenizer"][name] for name in ("moses", "lower_case", "bpe_merges")
    }
    old = Manifest.model_validate(earlier)
    assert old.digest == Manifest.load(grammar_folder).digest
    assert metric_of_data(old) == metric_of_data(Manifest.load(grammar_folder))


@pytest.mark.slow
@pytest.mark.parametrize("language", ["hi", "tr", "zh", "ja", "en", "de"])
def test_real_sentences_come_back(
    language: str, shared_data: Callable[[str], Path], tmp_path: Path
):
    names = {"de": "multi30k/test_2016_flickr.de", "en": "multi30k/test_2016_flickr.en"}
    name = names.get(language, f"languages/en-{language}.{language}")
    name = "languages/en-ja.train.ja" if language == "ja" else name
    lines = gzip.decompress(shared_data(f"{name}.gz").read_bytes()).decode().split("\n")[-1001:-1]
    split = from_raw(Pairs(src=lines, tgt=lines), src="fr", tgt=language)
    splits = {"train": split, "valid": split, "test": split}
    corpus = ParallelText(name="real", src="fr", tgt=language, splits=splits, licence="")
    manifest = prepare(lambda: corpus, tmp_path / "out", n_merges=3000)
    assert manifest.roundtrip_bleu is not None
    assert manifest.roundtrip_bleu >= 99.5


def test_turkish_is_scored_in_its_own_lower_case(tmp_path: Path):
    manifest = prepare(lambda: corpus_of("tr"), tmp_path / "out", n_merges=60)
    metric = metric_of_data(manifest)
    outputs, references = ["istanbul'da ışık bugün yandı."], ["İSTANBUL'da IŞIK bugün yandı."]
    assert metric.score(outputs, references) == pytest.approx(100)
    low = [lowered(line, "tr") for line in references]
    assert metric.score(["ışık yandı bugün istanbul'da."], references) == pytest.approx(
        sacrebleu.corpus_bleu(["ışık yandı bugün istanbul'da."], [low], lowercase=True).score
    )
    assert metric.signature.endswith("|lower:tr")
