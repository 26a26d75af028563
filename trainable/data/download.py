"""Downloads over https into memory, with a check of the content."""

from __future__ import annotations

import hashlib
import http.client
import logging
import sys
import urllib.error
import urllib.request
from typing import IO

from spaces.errors import UserError
from trainable.data.blobs import Blob

log = logging.getLogger(__name__)

MAX_BYTES = 512 * 1024**2
TIMEOUT_S = 30.0
_CHUNK_BYTES = 256 * 1024


def fetch(
    url: str,
    *,
    sha256: str | None = None,
    unverified_md5: str | None = None,
    max_bytes: int = MAX_BYTES,
) -> Blob:
    """Content of the file at ``url``.

    Args:
        url: an https address; a redirect to another protocol is refused.
        sha256: expected SHA-256, hexadecimal.
        unverified_md5: MD5 published by a third party; a different one is only a warning.
        max_bytes: largest size that is accepted.

    Raises:
        UserError: there is no network or no such file; the file is cut off, too large, or has
            another SHA-256.
        ValueError: ``url`` is not https.
    """
    if not url.startswith("https://"):
        raise ValueError(f"{url} is not https")
    request = urllib.request.Request(url, headers={"User-Agent": "reservoir-search"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
            if not response.url.startswith("https://"):
                raise UserError(f"{url}: leads to {response.url}, which is not https; use --from")
            data = _read(response, url, max_bytes)
    except urllib.error.HTTPError as error:
        raise UserError(
            f"{url}: the server answers {error.code} {error.reason}; "
            "fetch the file another way and give it with --from"
        ) from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise UserError(
            f"{url}: cannot be downloaded ({reason}); without a network give the file with --from"
        ) from error
    blob = Blob(place=url, data=data)
    check(blob, sha256=sha256, unverified_md5=unverified_md5)
    return blob


def check(blob: Blob, *, sha256: str | None = None, unverified_md5: str | None = None) -> None:
    """Compare the checksums of a blob; a different MD5 is only a warning.

    Raises:
        UserError: the SHA-256 is different.
    """
    if sha256 is not None and (found := blob.source().sha256) != sha256:
        raise UserError(
            f"{blob.place}: has sha256 {found}, expected {sha256}; "
            "it is damaged or was changed: fetch it again, or give a copy you trust with --from"
        )
    if unverified_md5 is not None:
        md5 = hashlib.md5(blob.data, usedforsecurity=False).hexdigest()
        if md5 != unverified_md5:
            log.warning("%s has md5 %s, a third party gives %s", blob.place, md5, unverified_md5)


def _read(response: http.client.HTTPResponse, url: str, max_bytes: int) -> bytes:
    length = response.length
    chunks: list[bytes] = []
    n_bytes = 0
    while chunk := response.read(_CHUNK_BYTES):
        chunks.append(chunk)
        n_bytes += len(chunk)
        if n_bytes > max_bytes:
            raise UserError(f"{url}: is larger than {max_bytes} bytes, the limit for a download")
        _show_progress(sys.stderr, url, n_bytes, length)
    if length is not None and n_bytes != length:
        raise UserError(f"{url}: ended after {n_bytes} of {length} bytes; try again")
    return b"".join(chunks)


def _show_progress(stream: IO[str], url: str, n_bytes: int, length: int | None) -> None:
    """Print the progress of a download on one line, if ``stream`` is a terminal; sizes in MB."""
    if not stream.isatty():
        return
    of = f" of {length / 1e6:.1f}" if length is not None else ""
    end = "\n" if n_bytes == length else ""
    stream.write(f"\r{url.rpartition('/')[2]}: {n_bytes / 1e6:.1f}{of} MB{end}")
    stream.flush()
