from __future__ import annotations

import gzip
import io
import logging
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from spaces.errors import UserError
from trainable.data import iwslt14 as standard
from trainable.data.blobs import Blob, read_blob
from trainable.data.corpus import Pairs, from_raw
from trainable.data.iwslt import iwslt
from trainable.data.iwslt14 import evaluation_lines, iwslt14, training_lines
from trainable.data.lines import lines_of
from trainable.data.moses import Moses
from trainable.data.multi30k import multi30k
from trainable.data.multi30k_files import SHA256
from trainable.data.prepare import prepare
from trainable.data.tatoeba import read_pairs, tatoeba
from trainable.data.text import TextFiles, find_text, text

Write = Callable[[Path, Sequence[str]], Path]
Shared = Callable[[str], Path]


def sizes(corpus) -> tuple[int, ...]:
    return tuple(len(corpus.splits[name].raw) for name in ("train", "valid", "test"))


def fast(monkeypatch: pytest.MonkeyPatch):
    """Count lines without the seconds that Moses takes."""
    monkeypatch.setattr(Moses, "tokenise", lambda _self, raw: raw.lower())


# Multi30k


def test_multi30k_has_its_counts_and_checksums(
    shared_data: Shared, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    fast(monkeypatch)
    corpus = multi30k(shared_data("multi30k"))
    assert sizes(corpus) == (29_000, 1_014, 1_000)
    assert len(corpus.sources) == 6
    for source in corpus.sources:
        assert source.sha256 == SHA256[source.place]
    assert not caplog.records


def test_multi30k_says_which_file_is_absent(tmp_path: Path, write: Write):
    write(tmp_path / "train.de.gz", ["Ja"])
    with pytest.raises(UserError, match=r"holds neither train.en nor train.en.gz"):
        multi30k(tmp_path)


def test_multi30k_has_other_languages_and_test_sets(tmp_path: Path, write: Write):
    for name in ("train", "val", "test_2016_flickr", "test_2018_flickr"):
        for side in ("fr", "cs"):
            write(tmp_path / f"{name}.{side}.gz", [f"{name} {side} {n}" for n in range(3)])
    corpus = multi30k(tmp_path, src="fr", tgt="cs", test="test_2018_flickr")
    assert (corpus.name, corpus.src, corpus.tgt) == ("multi30k-test_2018_flickr", "fr", "cs")
    assert corpus.splits["test"].raw.tgt[0] == "test_2018_flickr cs 0"
    assert multi30k(tmp_path, src="fr", tgt="cs").name == "multi30k"
    with pytest.raises(
        UserError, match=r"test_2017_flickr has no cs side; give another --test-set"
    ):
        multi30k(tmp_path, src="fr", tgt="cs", test="test_2017_flickr")
    with pytest.raises(UserError, match=r"has no pair of de and nl; give two of de, en, fr, cs"):
        multi30k(tmp_path, tgt="nl")


# Tatoeba


def tatoeba_zip(path: Path, lines: Sequence[str], member: str = "deu.txt") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, "".join(f"{line}\n" for line in lines))
    return path


def test_tatoeba_reads_both_editions_of_the_archive_from_a_file_or_its_folder(tmp_path: Path):
    lines = [f"I have {n} dogs.\tIch habe {n} Hunde.\tCC-BY 2.0" for n in range(30)]
    lines += [f"I see {n} cats.\tIch sehe {n} Katzen." for n in range(30)]
    path = tatoeba_zip(tmp_path / "deu-eng.zip", lines)
    assert sum(sizes(tatoeba(path))) == 60
    first, again = tatoeba(path), tatoeba(tmp_path)
    assert first == again
    assert first.splits["test"].raw.src[0].startswith("Ich")


def test_tatoeba_refuses_a_line_that_is_no_pair_and_an_archive_without_its_member(tmp_path: Path):
    with pytest.raises(UserError, match=r"deu-eng.zip:deu.txt: line 2 has 1 columns"):
        tatoeba(tatoeba_zip(tmp_path / "deu-eng.zip", ["Hi.\tHallo!", "no tab"]))
    with pytest.raises(UserError, match=r"has no member deu.txt"):
        tatoeba(tatoeba_zip(tmp_path / "deu-eng.zip", ["Hi.\tHallo!"], "fra.txt"))


def test_tatoeba_is_read_in_any_language_and_direction(tmp_path: Path):
    lines = [f"I have {n} dogs.\tJ'ai {n} chiens.\tCC-BY 2.0" for n in range(40)]
    tatoeba_zip(tmp_path / "fra-eng.zip", lines, "fra.txt")
    forth = tatoeba(tmp_path, src="fr", tgt="en").splits["train"]
    back = tatoeba(tmp_path / "fra-eng.zip", src="en", tgt="fra").splits["train"]
    assert forth.raw.src[0].startswith("J'ai")
    assert back.raw == forth.raw.reversed()
    for src, tgt, message in (
        (
            "de",
            "fr",
            r"has pairs with English alone, not of de and fr.*OPUS.*--tgt fr --train",
        ),
        ("qq", "en", r"qq is no code that is known here"),
        ("de", "en", r"deu-eng.zip: cannot be read"),
    ):
        with pytest.raises(UserError, match=message):
            tatoeba(tmp_path, src=src, tgt=tgt)


def test_tatoeba_has_its_count(shared_data: Shared):
    from trainable.data.archives import zip_member

    blob = read_blob(shared_data("tatoeba") / "deu-eng.zip")
    raw = read_pairs(zip_member(blob, "deu.txt"))
    assert len(raw) == 169_813
    assert len(set(raw.tgt)) == 135_534


# IWSLT'14


def test_the_evaluation_xml_gives_the_lines_of_the_standard_test_set(shared_data: Shared):
    name = "IWSLT17.TED.tst2011.en-de.{}.xml.gz"
    folder = shared_data("iwslt17-xml")
    pairs = set()
    lines: dict[str, list[str]] = {}
    for language in ("de", "en"):
        blob = read_blob(folder / name.format(language))
        moses = Moses(language)
        lines[language] = [moses.tokenise(line) for line in evaluation_lines(blob)]
        assert len(lines[language]) == 1_433
    test = {
        language: set(lines_of(read_blob(shared_data("iwslt14") / f"test.{language}.gz")))
        for language in ("de", "en")
    }
    pairs = zip(lines["de"], lines["en"], strict=True)
    n_found = sum(german in test["de"] for german, _ in pairs)
    assert n_found == 1_431


def test_training_lines_lose_links_and_keep_the_text_of_titles():
    data = (
        b"<url>http://x</url>\n<keywords>a, b</keywords>\n<talkid>1</talkid>\n"
        b"<title>A talk</title>\n<description>About it</description>\n Hello . \n"
    )
    lines = training_lines(Blob(place="train.tags.de-en.en", data=data))
    assert lines == ["A talk", "About it", "Hello ."]


def test_an_evaluation_file_without_segments_is_refused():
    with pytest.raises(UserError, match=r"dev.xml: holds no <seg id"):
        evaluation_lines(Blob(place="dev.xml", data=b"<doc>\n</doc>\n"))


def test_training_pairs_are_cleaned_by_length_and_ratio():
    sides = {"empty": ("", "a"), "ok": ("a b", "a b c"), "ratio": ("a b", "a b c d")}
    sides |= {"long": ("a " * 176, "a " * 176), "longest": ("a " * 175, "a " * 175)}
    raw = Pairs(src=[s for s, _ in sides.values()], tgt=[t for _, t in sides.values()])
    split = from_raw(raw, src="de", tgt="en").cleaned(max_ratio=1.5)
    kept = [name for name in sides if sides[name][0] in split.raw.src and name != "ratio"]
    assert (kept, len(split.raw)) == (["ok", "longest"], 2)


def test_every_twenty_third_pair_is_valid():
    lines = [str(n) for n in range(1, 71)]
    pairs = Pairs(src=lines, tgt=lines)
    train, valid = standard.every_nth_is_valid(from_raw(pairs, src="de", tgt="en"))
    assert valid.raw.src == ["23", "46", "69"]
    assert len(train.raw) == 67


def iwslt_files(n_pairs: int = 50) -> dict[str, str]:
    files = {}
    for side in ("de", "en"):
        body = "".join(f"Satz {n} , gut .\n" for n in range(n_pairs))
        files[f"train.tags.de-en.{side}"] = f"<url>http://x</url>\n<title>T</title>\n{body}"
        for k, name in enumerate(standard.TEST_FILES):
            files[f"{name}.{side}.xml"] = f'<doc>\n<seg id="1"> It’s {k}. </seg>\n</doc>\n'
    return files


def test_the_archive_and_a_folder_of_its_files_give_the_same_corpus(tmp_path: Path):
    folder = tmp_path / "files" / "de-en"
    folder.mkdir(parents=True)
    archive = tmp_path / "de-en.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        for name, content in iwslt_files().items():
            (folder / name).write_text(content)
            member = tarfile.TarInfo(f"de-en/{name}")
            member.size = len(content.encode())
            tar.addfile(member, io.BytesIO(content.encode()))
    corpora = [iwslt14(place) for place in (archive, folder, folder.parent)]
    assert corpora[0].splits == corpora[1].splits == corpora[2].splits
    assert sizes(corpora[0]) == (49, 2, 5)  # 51 pairs with the title; 23 and 46 are valid
    assert corpora[0].splits["test"].raw.src == [f"It's {k}." for k in range(5)]
    assert [source.place for source in corpora[0].sources] == ["de-en.tgz"]
    assert len(corpora[1].sources) == 12


def test_iwslt14_is_read_in_the_other_direction_too_and_in_no_other_language(tmp_path: Path):
    for name, content in iwslt_files().items():
        (tmp_path / name).write_text(content)
    forth, back = iwslt14(tmp_path), iwslt14(tmp_path, src="en", tgt="de")
    assert (back.src, back.tgt, back.name) == ("en", "de", forth.name)
    for name, split in forth.splits.items():
        assert back.splits[name] == split.reversed()
    with pytest.raises(UserError, match=r"is of German and English, not of en and fr; for other"):
        iwslt14(tmp_path, src="en", tgt="fr")


def iwslt17_files() -> dict[str, str]:
    files = {}
    for side in ("de", "en"):
        heads = '<doc docid="1">\n<speaker>A B</speaker>\n<talkid>1</talkid>\n<reviewer></reviewer>'
        body = "".join(f"{side} {n}\n" for n in range(9))
        files[f"train.tags.de-en.{side}"] = f"{heads}\n<title>T</title>\n{body}</doc>\n"
        for name in ("dev2010", "tst2010", "tst2015"):
            files[f"IWSLT17.TED.{name}.de-en.{side}.xml"] = (
                '<?xml version="1.0"?>\n<mteval>\n'
                f'<seg id="1"> {name} &amp; {side} </seg>\n</mteval>\n'
            )
    return files


@pytest.mark.parametrize(("src", "tgt"), [("de", "en"), ("en", "de")])
def test_iwslt_of_a_later_year_is_read_from_its_archive_and_its_files(
    src: str, tgt: str, tmp_path: Path
):
    folder, archive = tmp_path / "files", tmp_path / "de-en.tgz"
    folder.mkdir()
    with tarfile.open(archive, "w:gz") as tar:
        for name, content in iwslt17_files().items():
            (folder / f"{name}.gz").write_bytes(gzip.compress(content.encode()))
            member = tarfile.TarInfo(f"de-en/{name}")
            member.size = len(content.encode())
            tar.addfile(member, io.BytesIO(content.encode()))
    packed, files = (iwslt(place, src=src, tgt=tgt) for place in (archive, folder))
    assert packed.splits == files.splits
    assert sizes(packed) == (10, 1, 2)
    assert packed.splits["train"].raw.src == ["T", *(f"{src} {n}" for n in range(9))]
    assert packed.splits["valid"].raw.src == [f"dev2010 & {src}"]
    assert packed.splits["test"].raw.tgt == [f"tst2010 & {tgt}", f"tst2015 & {tgt}"]


def test_iwslt_keeps_pairs_with_a_side_without_spaces(tmp_path: Path):
    train = {
        "en": "I have lived in this city for many years .\n",
        "zh": "我在这个城市住了很多年。\n",
    }
    for side, line in train.items():
        (tmp_path / f"train.tags.en-zh.{side}").write_text(f"<url>u</url>\n{line * 30}")
        for name in ("dev2010", "tst2010"):
            xml = f'<?xml version="1.0"?>\n<mteval>\n<seg id="1">{line}</seg>\n</mteval>\n'
            (tmp_path / f"IWSLT17.TED.{name}.en-zh.{side}.xml").write_text(xml)
    archive = tmp_path / "en-zh.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        for path in sorted(tmp_path.glob("*.en-zh.*")):
            tar.add(path, f"en-zh/{path.name}")
    for src, tgt in (("en", "zh"), ("zh", "en")):
        corpus = iwslt(archive, src=src, tgt=tgt)
        assert sizes(corpus) == (30, 1, 1)
        assert str(corpus.splits["train"].dropped) == "none"


def test_iwslt_says_which_file_is_absent(tmp_path: Path):
    for name, content in iwslt17_files().items():
        (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=r"holds no file train.tags.en-fr.en; give an archive"):
        iwslt(tmp_path, src="en", tgt="fr")
    (tmp_path / "IWSLT17.TED.tst2015.de-en.en.xml").unlink()
    with pytest.raises(UserError, match=r"holds no file IWSLT17.TED.tst2015.de-en.en.xml"):
        iwslt(tmp_path, src="de", tgt="en")


def test_an_archive_without_a_file_of_the_pipeline_is_refused_by_name(tmp_path: Path):
    archive = tmp_path / "de-en.tgz"
    with tarfile.open(archive, "w:gz"):
        pass
    with pytest.raises(UserError, match=r"has no member train.tags.de-en.de"):
        iwslt14(archive)


def test_part_of_the_set_is_not_called_by_its_name(
    tmp_path: Path, write: Write, caplog: pytest.LogCaptureFixture
):
    for name in ("train", "valid", "test"):
        write(tmp_path / f"{name}.de.gz", ["sie hat &apos; s ."])
        write(tmp_path / f"{name}.en", ["she has it ."])
    with caplog.at_level(logging.WARNING):
        corpus = iwslt14(tmp_path)
    assert corpus.name == "iwslt14-partial"
    assert "never compare" in caplog.text
    assert corpus.splits["valid"].raw.tgt == ["she has it."]
    assert corpus.splits["valid"].tokens.src == ["sie hat &apos; s ."]


def test_the_tokenised_files_have_the_counts_of_the_standard_sets(
    shared_data: Shared, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Moses, "detokenise", lambda _self, tokens: tokens)
    assert sizes(iwslt14(shared_data("iwslt14"))) == (13_836, 7_283, 6_750)


# Text of the user's own


def numbered(word: str, n: int) -> list[str]:
    return [f"{word} {k}" for k in range(n)]


def test_valid_and_test_are_drawn_from_train_where_they_are_absent(tmp_path: Path, write: Write):
    write(tmp_path / "train.de", numbered("Satz", 100))
    write(tmp_path / "train.fr.gz", numbered("Phrase", 100))
    corpus = text(find_text(tmp_path, src="de", tgt="fr"), src="de", tgt="fr")
    assert sizes(corpus) == (90, 5, 5)
    assert corpus.seed is not None


def test_files_that_are_given_are_taken_whole_but_for_blank_pairs(tmp_path: Path, write: Write):
    pairs = {
        name: (
            write(tmp_path / f"{name}.a", ["ja ja", "", "nein"]),
            write(tmp_path / f"{name}.b", ["yes", "no", "no"]),
        )
        for name in ("train", "valid", "test")
    }
    corpus = text(
        TextFiles(train=(pairs["train"],), valid=pairs["valid"], test=pairs["test"]),
        src="de",
        tgt="en",
    )
    assert sizes(corpus) == (2, 2, 2)
    assert corpus.seed is None


def test_too_few_pairs_to_draw_from_are_refused(tmp_path: Path, write: Write):
    for side in ("de", "en"):
        write(tmp_path / f"train.{side}", numbered("x", 19))
    with pytest.raises(UserError, match=r"19 usable pairs are too few .*20 at least"):
        text(find_text(tmp_path, src="de", tgt="en"), src="de", tgt="en")


def test_one_side_of_a_split_is_not_enough(tmp_path: Path, write: Write):
    for name in ("train.de", "train.en", "valid.de"):
        write(tmp_path / name, numbered("x", 30))
    with pytest.raises(UserError, match=r"holds one side of valid only; add valid.en"):
        find_text(tmp_path, src="de", tgt="en")
    with pytest.raises(UserError, match=r"holds no train.de and train.fr|add train.fr"):
        find_text(tmp_path, src="de", tgt="fr")


@pytest.mark.parametrize(("src", "tgt"), [("../x", "en"), ("de", "de"), ("", "en"), ("d.e", "en")])
def test_languages_that_make_no_file_names_are_refused(src: str, tgt: str, tmp_path: Path):
    with pytest.raises(UserError, match=r"--src"):
        find_text(tmp_path, src=src, tgt=tgt)


BROKEN: dict[str, tuple[str, bytes, str]] = {
    "different lengths": ("train.en", b"one\n", r"train.de has 30 sentences and train.en has 1"),
    "empty": ("train.en", b"", r"train.en: is empty"),
    "latin-1": ("train.de", "schön\n".encode("latin-1"), r"train.de: line 1 .*not UTF-8"),
    "utf-16": ("train.de", "schön\n".encode("utf-16"), r"train.de: is UTF-16"),
    "NUL": ("train.de", b"a\0b\n", r"train.de: line 1 holds a NUL byte"),
    "cut off": ("train.de.gz", gzip.compress(b"abc" * 99)[:-9], r"train.de.gz: is a broken"),
    "no gzip": ("train.de.gz", b"\x1f\x8bplain\n", r"train.de.gz: is a broken or cut-off"),
    "plain": ("train.de.gz", b"plain\n", r"train.de.gz has 1 sentences and train.en has 30"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_broken_text_is_one_clear_line_and_leaves_nothing(fault: str, tmp_path: Path, write: Write):
    name, data, message = BROKEN[fault]
    source = tmp_path / "source"
    for side in ("de", "en"):
        write(source / f"train.{side}", numbered("x", 30))
    (source / name.removesuffix(".gz")).unlink()
    (source / name).write_bytes(data)
    parent = tmp_path / "parent"
    parent.mkdir()
    files = find_text(source, src="de", tgt="en")
    with pytest.raises(UserError, match=message) as caught:
        prepare(lambda: text(files, src="de", tgt="en"), parent / "out", n_merges=10)
    assert "\n" not in str(caught.value)
    assert list(parent.iterdir()) == []


def test_an_absent_file_is_one_clear_line(tmp_path: Path):
    files = TextFiles(train=((tmp_path / "a", tmp_path / "b"),))
    with pytest.raises(UserError, match=r"a: cannot be read \(No such file or directory\)"):
        text(files, src="de", tgt="en")
