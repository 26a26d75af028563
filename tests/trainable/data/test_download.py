from __future__ import annotations

import io
import urllib.error
import urllib.request
from email.message import Message

import pytest

from spaces.errors import UserError
from trainable.data.blobs import Blob
from trainable.data.download import check, fetch

URL = "https://example.org/a.gz"


class Response(io.BytesIO):
    """Response of urlopen with the content `data` and a stated length of `length` bytes."""

    def __init__(self, data: bytes, length: int | None, url: str = URL):
        super().__init__(data)
        self.length, self.url = length, url


def serve(monkeypatch: pytest.MonkeyPatch, answer: Response | Exception):
    def urlopen(_request: urllib.request.Request, timeout: float) -> Response:
        assert timeout > 0
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)


def test_a_file_comes_with_its_address_and_checksum(monkeypatch: pytest.MonkeyPatch):
    serve(monkeypatch, Response(b"abc", 3))
    # printf abc | sha256sum
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    blob = fetch(URL, sha256=digest)
    assert (blob.place, blob.data, blob.source().sha256) == (URL, b"abc", digest)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (urllib.error.URLError("Name or service not known"), "without a network .* --from"),
        (TimeoutError("timed out"), r"cannot be downloaded \(timed out\)"),
        (urllib.error.HTTPError(URL, 404, "Not Found", Message(), None), "answers 404 Not Found"),
        (Response(b"abc", 9), "ended after 3 of 9 bytes"),
        (Response(b"abc" * 10, None), "is larger than 20 bytes"),
        (Response(b"abc", 3, "http://elsewhere.org/a"), "is not https"),
        (Response(b"abd", 3), r"has sha256 .*, expected 00; .*--from"),
    ],
)
def test_a_failed_download_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, answer: Response | Exception, message: str
):
    serve(monkeypatch, answer)
    with pytest.raises(UserError, match=message) as caught:
        fetch(URL, sha256="00", max_bytes=20)
    assert "\n" not in str(caught.value)


def test_an_unverified_md5_warns_and_does_not_refuse(caplog: pytest.LogCaptureFixture):
    check(Blob(place="de-en.tgz", data=b"abc"), unverified_md5="00")
    assert "de-en.tgz has md5 900150983cd24fb0d6963f7d28e17f72" in caplog.text
