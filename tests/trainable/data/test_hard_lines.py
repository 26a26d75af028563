"""Small files that were read wrongly, with what is right."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from search.exports.translate import sentences_of
from spaces.errors import UserError
from trainable.data.blobs import Blob
from trainable.data.lines import lines_of
from trainable.data.moses import Moses
from trainable.data.roundtrip import round_trip
from trainable.data.text import TextFiles, text
from trainable.metrics.by_language import bleu_tokenizer, metric_by_name

FILES = {
    "lone-cr.de": "Der Hund schläft.\rDie Katze nicht.\nMeine kleine Schwester hat gelacht.\n",
    "bom.de": "\ufeffMeine Schwester lacht.\nDer Hund \ufeffschläft.\n",
    "nfc.de": "Die sch\u00f6nen H\u00e4user \u00fcber dem Fluss.\n",
    "nfd.de": "Die scho\u0308nen Ha\u0308user u\u0308ber dem Fluss.\n",
    "no-words.de": "\u200b\n\x01\n\xad\nDer Hund schläft.\n",
    "turkish.tr": "İSTANBUL'da IŞIK yandı.\nAnkara'ya gidiyorum.\n",
    "hi.hi": "मैं स्कूल जाता हूँ।\n",
    "zh.zh": "我住在北京。\n他昨天买了一本书。\n",
    "moses-escaped.de": "er sagte &quot; nein &quot; und ging &apos;s nach haus &#124; tür\n",
    "newstest.de.sgm": (
        '<srcset setid="t" srclang="any">\n'
        '<doc docid="a" genre="news">\n'
        "<p>\n"
        '<seg id="1">Der Hund schläft.</seg>\n'
        '<seg id="2">Die Katze sieht A&amp;B.</seg>\n'
        "</p>\n"
        "</doc>\n"
        "</srcset>\n"
    ),
    "pairs.tsv": (
        "Der Hund schläft.\tThe dog sleeps.\tsource 1\n"
        "Die Katze lacht.\tThe cat laughs.\tsource 2\n"
    ),
}
CP1252 = "„Das ist gut“ – sagte er …\nDer Preis: 5 €.\n".encode("cp1252")
CASES = Path(__file__).resolve().parents[3].parent / "shared" / "cases"
OWN = Path(__file__).parents[3] / "benchmarks/sentences"


def lines(name: str) -> list[str]:
    return lines_of(Blob(place=name, data=FILES[name].encode()))


@pytest.mark.parametrize("name", FILES)
def test_the_copies_here_are_the_shared_cases(name: str):
    ending = "" if name.endswith((".sgm", ".tsv")) else ".txt"
    place = CASES / f"{name.removesuffix('.hi').removesuffix('.zh')}{ending}"
    if not place.exists():
        pytest.skip(f"needs ../shared/cases/{place.name}, which is not here")
    assert place.read_bytes().decode() == FILES[name]


def test_the_bytes_here_are_the_shared_case_of_cp1252():
    place = CASES / "cp1252.de.txt"
    if not place.exists():
        pytest.skip(f"needs ../shared/cases/{place.name}, which is not here")
    assert place.read_bytes() == CP1252


def read(folder: Path, *names: str) -> list[tuple[str, str]]:
    """Pairs of a file with both languages, or of one for each side."""
    for name in names:
        (folder / name).write_text(FILES[name], encoding="utf-8")
    paths = [folder / name for name in names]
    part = paths[0] if len(paths) == 1 else (paths[0], paths[1])
    corpus = text(TextFiles(train=(part,), valid=part, test=part), src="de", tgt="en")
    raw = corpus.splits["test"].raw
    return list(zip(raw.src, raw.tgt, strict=True))


def test_segments_and_pairs_are_read_without_their_mark_up(tmp_path: Path):
    segments = ["Der Hund schläft.", "Die Katze sieht A&B."]
    pairs = read(tmp_path, "newstest.de.sgm", "newstest.de.sgm")
    assert pairs == [(line, line) for line in segments]
    assert read(tmp_path, "pairs.tsv") == [
        ("Der Hund schläft.", "The dog sleeps."),
        ("Die Katze lacht.", "The cat laughs."),
    ]


def test_escaped_text_is_told_and_taken_as_words_where_the_user_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    (place := tmp_path / "a").write_text(FILES["moses-escaped.de"], encoding="utf-8")
    given = TextFiles(train=((place, place),), valid=(place, place), test=(place, place))
    split = text(given, src="de", tgt="en", form="tokenised").splits["test"]
    assert [f"{line}\n" for line in split.tokens.src] == [FILES["moses-escaped.de"]]
    assert split.raw.src == ['er sagte "nein" und ging \'s nach haus | tür']
    assert not caplog.records
    text(given, src="de", tgt="en")
    assert "--form tokenised" in caplog.text


def tokens(name: str) -> list[str]:
    moses = Moses(name.partition(".")[2])
    return [moses.tokenise(line) for line in lines(name)]


def test_a_lone_carriage_return_ends_no_line():
    assert len(lines("lone-cr.de")) == 2
    stream = io.StringIO(FILES["lone-cr.de"], newline="\n")
    assert len(list(sentences_of(stream))) == 2


def test_marks_of_the_byte_order_and_lines_without_words_make_no_tokens():
    assert tokens("bom.de") == ["meine schwester lacht .", "der hund schläft ."]
    assert tokens("no-words.de") == ["", "", "", "der hund schläft ."]


def test_composed_and_decomposed_text_have_the_same_tokens():
    assert FILES["nfd.de"] != FILES["nfc.de"]
    assert tokens("nfd.de") == tokens("nfc.de")


def test_bytes_of_cp1252_are_told_by_its_name_and_refused_after_a_wrong_conversion():
    data = CP1252
    with pytest.raises(UserError, match="CP1252"):
        lines_of(Blob(place="cp1252.de.txt", data=data))
    with pytest.raises(UserError, match=r"line 1, character 1 is .*U\+0084.*-f CP1252"):
        lines_of(Blob(place="cp1252.de.txt", data=data.decode("latin-1").encode()))


def test_turkish_is_put_into_its_own_lower_case_and_keeps_its_apostrophes():
    moses = Moses("tr")
    assert [moses.detokenise(line) for line in tokens("turkish.tr")] == [
        "istanbul'da ışık yandı.",
        "ankara'ya gidiyorum.",
    ]


@pytest.mark.parametrize("name", ["hi.hi", "zh.zh"])
def test_a_text_scored_against_itself_has_100(name: str):
    language = name.partition(".")[2]
    metric = metric_by_name("BLEU", language=language, tokenizer=None, cased=False)
    given = lines(name)
    assert metric.score(given, given) == pytest.approx(100)
    back = [Moses(language).detokenise(line) for line in tokens(name)]
    assert metric.score(back, given) == pytest.approx(100)


@pytest.mark.parametrize("language", ["ar", "fa", "fr", "he", "ko", "ru"])
def test_perfect_translations_into_further_languages_score_99_5_at_least(language: str):
    moses = Moses(language, cased=True)
    path = OWN / f"{language}.txt"
    given = lines_of(Blob(place=path.name, data=path.read_bytes()))
    back = [moses.detokenise(moses.tokenise(line)) for line in given]
    assert len(given) >= 10
    assert round_trip(back, given, tokenizer=bleu_tokenizer(language)).bleu >= 99.5
