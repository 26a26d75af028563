from __future__ import annotations

import gzip

import pytest

from spaces.errors import UserError
from trainable.data.blobs import Blob
from trainable.data.corpus import aligned
from trainable.data.lines import lines_of, published_lines


def blob(data: bytes, place: str = "train.de") -> Blob:
    return Blob(place=place, data=data)


def test_only_a_newline_ends_a_line():
    text = "eins\u2028noch eins\r\nzwei\x85auch\rzwei\n\ndrei"
    expected = ["eins noch eins", "zwei auch zwei", "", "drei"]
    assert published_lines(blob(text.encode())) == expected
    assert lines_of(blob(text.replace("\x85", "\x0b").encode())) == expected


def test_a_last_newline_adds_no_line_and_gzip_is_seen_by_name():
    data = gzip.compress(b"one\ntwo\n")
    assert lines_of(blob(data, "train.en.gz")) == ["one", "two"]


def test_a_mark_of_utf8_does_not_stick_to_the_first_word():
    assert lines_of(blob(b"\xef\xbb\xbfHallo\n")) == ["Hallo"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "train.de: is empty"),
        (b"\n \n", "train.de: is empty"),
        (b"\xef\xbb\xbf", "train.de: is empty"),
        ("ja\nschön\n".encode("latin-1"), r"line 2 holds byte 0xf6, which is not UTF-8"),
        ("schön".encode("utf-16"), "is UTF-16, not UTF-8; convert it: iconv -f UTF-16 -t UTF-8"),
        ("schön".encode("utf-32"), "is UTF-32, not UTF-8"),
        (b"ja\nne\0in\n", "line 2 holds a NUL byte"),
    ],
)
def test_other_bytes_are_refused_in_one_line(data: bytes, message: str):
    with pytest.raises(UserError, match=message) as caught:
        lines_of(blob(data))
    assert "\n" not in str(caught.value)


def test_sides_of_different_length_are_refused_with_both_lengths():
    with pytest.raises(UserError, match=r"train.de has 2 sentences and train.en has 1; "):
        aligned(blob(b"a\nb\n"), blob(b"a\n", "train.en"))
