"""The same sentences are read from whatever kind of file people keep them in."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tracemalloc
import zipfile
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

import pytest
import zstandard

from search.cli import app, exit_code
from spaces.errors import UserError
from trainable.data.corpus import Pairs
from trainable.data.lines import lines_of
from trainable.data.manifest import Manifest
from trainable.data.pair_files import PairReader, Part
from trainable.data.text import TextFiles, text

Write = Callable[[Path, Sequence[str]], Path]
PAIRS = [
    ("Der Hund schläft.", "The dog sleeps."),
    ("Wir sehen A&B und „das“ Haus.", 'We see A&B and the "house".'),
    ("5 < 6 > 4", "5 < 6 > 4"),
    *((f"Das ist Satz {n}.", f"This is sentence {n}.") for n in range(30)),
]
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": lambda data: gzip.compress(data[:99]) + gzip.compress(data[99:]),
    "bzip2": lambda data: bz2.compress(data[:99]) + bz2.compress(data[99:]),
    "xz": lambda data: lzma.compress(data[:99]) + bytes(4) + lzma.compress(data[99:]),
    "zstd": lambda data: b"".join(map(zstandard.ZstdCompressor().compress, (data[:99], data[99:]))),
}


def sgm(side: str, sentences: Sequence[str]) -> str:
    """WMT's SGM: no XML declaration, an ``&`` as it is, a segment over two lines."""
    segments = [
        f'<seg id="{n}">{sentence.replace("<", "&lt;").replace(" ", chr(10), n == 1)}</seg>'
        for n, sentence in enumerate(sentences, start=1)
    ]
    body = "\n".join(segments)
    return f'<{side} setid="t" srclang="any">\n<doc docid="a">\n<p>\n{body}\n</p></doc></{side}>\n'


def iwslt_xml(sentences: Sequence[str]) -> str:
    """IWSLT's XML: with a description and spaces around each sentence."""
    segments = (f'<seg id="{n}"> {escape(line)} </seg>' for n, line in enumerate(sentences, 1))
    body = "\n".join(segments)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<mteval>\n<refset setid="t">\n<doc docid="1">\n'
        f"<title>A &amp; title</title>\n{body}\n</doc>\n</refset>\n</mteval>\n"
    )


def tmx(pairs: Sequence[tuple[str, str]]) -> str:
    """TMX with a DTD's name, a third language, codes of another format, variants of languages."""
    units = "\n".join(
        f'<tu><tuv xml:lang="fr"><seg>non</seg></tuv><tuv xml:lang="en-GB"><seg>{escape(tgt)}</seg>'
        f'</tuv><tuv xml:lang="DE"><seg><bpt i="1">&lt;b&gt;</bpt>{escape(src)}<ept i="1"/></seg>'
        "</tuv></tu>"
        for src, tgt in pairs
    )
    return (
        '<?xml version="1.0"?>\n<!DOCTYPE tmx SYSTEM "tmx14.dtd">\n<!-- x -->\n<tmx version="1.4">'
        f'<header srclang="en"/><body>{units}\n<tu><tuv xml:lang="de"><seg>allein</seg></tuv></tu>'
        "</body></tmx>"
    )


def wmt_xml(pairs: Sequence[tuple[str, str]]) -> str:
    """WMT's XML of 2021 and later: two documents, a second reference and a system's output."""

    def segments(lines: Sequence[str]) -> str:
        return "".join(f'<p><seg id="{n}">{escape(line)}</seg></p>' for n, line in enumerate(lines))

    documents = "".join(
        f'<doc id="{name}" origlang="de"><src lang="de">{segments([src for src, _ in part])}</src>'
        f'<ref lang="en" translator="A">{segments([tgt for _, tgt in part])}</ref>'
        f'<ref lang="en" translator="B">{segments(["no" for _ in part])}</ref>'
        f'<hyp lang="en" system="x">{segments(["no"])}</hyp></doc>\n'
        for name, part in (("a", pairs[:5]), ("b", pairs[5:]))
    )
    return f'<?xml version="1.0" encoding="utf-8"?>\n<dataset id="t">{documents}</dataset>\n'


def moses_zip(path: Path, pairs: Sequence[tuple[str, str]]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README", "de en")
        for side, name in enumerate(("de", "en")):
            archive.writestr(f"X.de-en.{name}", "".join(f"{pair[side]}\n" for pair in pairs))
    return path


def parts(folder: Path) -> dict[str, Part]:
    """The same pairs in files of every form; their names tell nothing."""
    src, tgt = ([pair[side] for pair in PAIRS] for side in range(2))

    def put(name: str, content: str | bytes) -> Path:
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return folder / name

    plain = [
        put(f"a{n}", "".join(f"{line}\n" for line in side)) for n, side in enumerate((src, tgt))
    ]
    table = "".join(f"{src}\t{tgt}\tsource {n}\n" for n, (src, tgt) in enumerate(PAIRS))
    return {
        "plain": (plain[0], plain[1]),
        "sgm": (put("b", sgm("srcset", src)), put("c.txt", sgm("refset", tgt))),
        "iwslt": (put("d.gz", iwslt_xml(src)), put("e", iwslt_xml(tgt))),
        "sgm and plain": (put("f", sgm("SRCSET", src)), plain[1]),
        "table": put("g", table),
        "tmx": put("h", tmx(PAIRS)),
        "tmx in UTF-16": put(
            "i", tmx(PAIRS).replace('"1.0"', '"1.0" encoding="UTF-16"').encode("utf-16")
        ),
        "wmt": put("j.tsv", wmt_xml(PAIRS)),
        "zip": moses_zip(folder / "k", PAIRS),
        **{
            f"table, {name}": put(f"l{name}", pack(table.encode()))
            for name, pack in PACKERS.items()
        },
        "tmx, xz": put("m", lzma.compress(tmx(PAIRS).encode())),
    }


def read(part: Part, *, src: str = "de", tgt: str = "en") -> list[tuple[str, str]]:
    return list(PairReader(src=src, tgt=tgt).pairs(part))


def test_every_form_of_file_gives_the_same_pairs_whatever_its_name(tmp_path: Path):
    for name, part in parts(tmp_path).items():
        assert read(part) == PAIRS, name


def test_files_of_both_sides_are_read_in_either_direction(tmp_path: Path):
    known = parts(tmp_path)
    for name in ("tmx", "wmt", "zip"):
        assert read(known[name], src="en", tgt="de") == [(tgt, src) for src, tgt in PAIRS], name


def test_corpora_of_every_form_are_equal_and_their_sources_are_those_read(tmp_path: Path):
    known = parts(tmp_path)
    evaluated = known["plain"]
    corpora = {
        name: text(TextFiles(train=(part,), valid=evaluated, test=evaluated), src="de", tgt="en")
        for name, part in known.items()
        if name in ("plain", "sgm", "tmx", "zip")
    }
    for corpus in corpora.values():
        assert corpus.splits == corpora["plain"].splits
    source = corpora["zip"].sources[0]
    assert (source.place, source.n_bytes) == ("k", (tmp_path / "k").stat().st_size)


def test_several_training_files_come_one_after_the_other(tmp_path: Path, write: Write):
    known = parts(tmp_path)
    files = TextFiles(
        train=(known["sgm"], known["table"], known["tmx"]), valid=known["zip"], test=known["wmt"]
    )
    corpus = text(files, src="de", tgt="en")
    src, tgt = ([pair[side] for pair in PAIRS] for side in range(2))
    assert corpus.splits["train"].raw == Pairs(src=src * 3, tgt=tgt * 3)
    assert corpus.splits["test"].raw == Pairs(src=src, tgt=tgt)
    assert [source.place for source in corpus.sources] == ["b", "c.txt", "g", "h", "k", "j.tsv"]


def test_the_command_takes_files_of_pairs_and_of_sides(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    known = parts(tmp_path)
    sides = [str(path) for path in known["plain"] if isinstance(known["plain"], tuple)]
    out = tmp_path / "out"
    words = ["data", "text", "--src", "de", "--tgt", "en", "--out", str(out), "--bpe-merges", "20"]
    words += ["--train", str(known["tmx"]), "--train", str(known["zip"])]
    words += ["--train-src", sides[0], "--train-tgt", sides[1], "--valid", str(known["wmt"])]
    assert exit_code(lambda: app(words, standalone_mode=False)) == 0
    assert "(train / valid / test)" in capsys.readouterr().out
    assert Manifest.load(out).counts["valid"].n_sentences == len(PAIRS)
    assert (out / "valid.raw.en").read_text().splitlines() == [tgt for _, tgt in PAIRS]
    assert {path.name.partition(".")[0] for path in out.parent.iterdir() if path.is_dir()} == {
        "out"
    }


WRONG: dict[str, tuple[bytes, str]] = {
    "one side alone": (
        b"<srcset>\n<seg>a</seg>\n</srcset>\n",
        r"holds one language alone; give it",
    ),
    "another XML": (b"<?xml version='1.0'?><html/>", r"x: is XML, but no TMX, WMT or IWSLT file"),
    "cut off": (b"<tmx><body><tu>", r"x: is no XML \(no element found"),
    "other languages": (tmx(PAIRS).replace("DE", "nl").encode(), r"holds no pair of de and en"),
    "no table": (b"a\tb\nonly one\n", r"x: line 2 has no tab; write a sentence, a tab"),
    "a control": (
        b"a\tb\nc\td\xc2\x84\n",
        r"x: line 2, character 2 is the control character U\+0084",
    ),
    "an entity": (
        b'<!DOCTYPE tmx [<!ENTITY a "x"><!ENTITY b "&a;&a;">]><tmx><tu>&b;</tu></tmx>',
        r"x: line 1 has an entity of its own, 'a'",
    ),
    "an outer entity": (
        b'<!DOCTYPE tmx [<!ENTITY a SYSTEM "file:///etc/hostname">]><tmx><seg>&a;</seg></tmx>',
        r"has an entity of its own, 'a'",
    ),
    "an unknown entity": (
        b'<!DOCTYPE tmx SYSTEM "tmx14.dtd"><tmx><seg>&nbsp;</seg></tmx>',
        r"has an entity of its own, 'nbsp'",
    ),
    "depth": (b"<tmx>" * 99, r"has elements within 64 others"),
    "a long tag": (b'<tmx><tu a="' + b"x" * 2**21, r"has a tag of over a megabyte"),
    "a long segment": (
        b'<tmx><tu><tuv xml:lang="de"><seg>' + b"x" * 99_999 + b"<ph/>xx",
        r"a <seg> has over 100,000 characters",
    ),
    "a zip of others": (b"PK\x03\x04nothing", r"x: is a broken or cut-off archive"),
    "cut-off xz": (lzma.compress(b"a\tb\n" * 999)[:-20], r"x: is a broken or cut-off archive"),
    "cut-off zstd": (
        zstandard.ZstdCompressor().compress(b"a\tb\n" * 999)[:-5],
        r"x: is a broken or cut-off archive",
    ),
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_file_of_pairs_that_is_wrong_is_one_clear_line(fault: str, tmp_path: Path):
    content, message = WRONG[fault]
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        read(tmp_path / "x")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"Ein\tA\nZwei\tTwo\n", r"x: is a table file with both languages; give it alone"),
        (tmx(PAIRS).encode(), r"x: is a XML file with both languages"),
        (b"<srcset>\n<seg>a\n", r"x: its last <seg> has no </seg>"),
        (b"<srcset>\na</seg>\n", r"x: line 2 has a </seg> without its <seg>"),
        (b"<srcset>\n</srcset>\n", r"x: holds no <seg>"),
        (
            b"<srcset>\n<seg>\n" + (b"ab " * 9_999 + b"\n") * 9,
            r"a <seg> has over 100,000 characters",
        ),
    ],
)
def test_a_file_of_one_side_that_is_wrong_is_one_clear_line(
    content: bytes, message: str, tmp_path: Path
):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        read((tmp_path / "x", tmp_path / "x"))
    assert "\n" not in str(caught.value)


def test_a_document_whose_sides_do_not_fit_is_refused_by_name(tmp_path: Path):
    (tmp_path / "x").write_text(wmt_xml(PAIRS).replace('<seg id="1">This', '<seg id="z">This'))
    (tmp_path / "x").write_text(wmt_xml(PAIRS).replace('<seg id="1">We', '<seg id="z">We'))
    with pytest.raises(UserError, match=r"document a: its de and en texts have other segments"):
        read(tmp_path / "x")


@pytest.mark.parametrize("name", ["bzip2", "xz", "zstd"])
def test_a_small_packed_file_fills_no_memory(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("trainable.data.packed.UNRATED_BYTES", 2**20)
    (tmp_path / "x").write_bytes(PACKERS[name]((b"a\t" + b"b" * 90_000 + b"\n") * 200))
    tracemalloc.start()
    try:
        with pytest.raises(UserError, match=r"unpacks to more than 1048576 bytes, the limit"):
            for _ in PairReader(src="de", tgt="en").pairs(tmp_path / "x"):
                pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2**26


def test_the_xml_of_a_later_iwslt_gives_the_lines_of_the_standard_test_set(
    shared_data: Callable[[str], Path],
):
    from trainable.data.blobs import read_blob
    from trainable.data.moses import Moses

    folder, standard = shared_data("iwslt17-xml"), shared_data("iwslt14")
    names = [folder / f"IWSLT17.TED.tst2011.en-de.{side}.xml.gz" for side in ("de", "en")]
    pairs = read((names[0], names[1]))
    assert len(pairs) == 1_433
    moses = Moses("de")
    test = set(lines_of(read_blob(standard / "test.de.gz")))
    assert sum(moses.tokenise(src.replace("’", "'")) in test for src, _ in pairs) == 1_431
