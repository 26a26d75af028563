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
}
CASES = Path(__file__).resolve().parents[3].parent / "shared" / "cases"
OWN = Path(__file__).parents[3] / "benchmarks/sentences"


def lines(name: str) -> list[str]:
    return lines_of(Blob(place=name, data=FILES[name].encode()))


@pytest.mark.parametrize("name", FILES)
def test_the_copies_here_are_the_shared_cases(name: str):
    place = CASES / f"{name.removesuffix('.hi').removesuffix('.zh')}.txt"
    if not place.exists():
        pytest.skip(f"needs ../shared/cases/{place.name}, which is not here")
    assert place.read_bytes().decode() == FILES[name]


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
    data = "„Das ist gut“ – sagte er …\nDer Preis: 5 €.\n".encode("cp1252")
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
