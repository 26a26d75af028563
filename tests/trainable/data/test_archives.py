from __future__ import annotations

import gzip
import io
import tarfile
import zipfile

import pytest

from spaces.errors import UserError
from trainable.data.archives import tar_members, zip_member
from trainable.data.blobs import Blob
from trainable.data.packed import unpacked


def zipped(members: dict[str, bytes]) -> Blob:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return Blob(place="a.zip", data=stream.getvalue())


def tarred(members: dict[str, bytes | tarfile.TarInfo]) -> Blob:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in members.items():
            if isinstance(content, tarfile.TarInfo):
                archive.addfile(content)
                continue
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return Blob(place="a.tgz", data=stream.getvalue())


def test_members_are_found_by_name():
    assert zip_member(zipped({"deu.txt": b"x"}), "deu.txt").data == b"x"
    members = tar_members(tarred({"de-en/train.de": b"x", "de-en/other": b"y"}), ["train.de"])
    assert {name: member.data for name, member in members.items()} == {"train.de": b"x"}


def test_a_missing_member_is_named():
    with pytest.raises(UserError, match=r"a.zip: has no member deu.txt"):
        zip_member(zipped({"x": b""}), "deu.txt")


@pytest.mark.parametrize("n_kept", [5, 20, 60])
def test_cut_off_archives_are_one_clear_line(n_kept: int):
    whole = bytes(range(256)) * 20
    for cut in (
        lambda: unpacked(Blob(place="a.gz", data=gzip.compress(whole)[:n_kept])),
        lambda: zip_member(Blob(place="a.zip", data=zipped({"m": whole}).data[:n_kept]), "m"),
        lambda: tar_members(Blob(place="a.tgz", data=tarred({"m": whole}).data[:n_kept]), ["m"]),
    ):
        with pytest.raises(UserError, match=r"is a broken or cut-off archive .*fetch it again"):
            cut()


def test_a_damaged_byte_is_noticed():
    data = bytearray(gzip.compress(b"some text that is long enough" * 10))
    data[len(data) // 2] ^= 0xFF
    with pytest.raises(UserError, match=r"a.gz: is a broken or cut-off archive"):
        unpacked(Blob(place="a.gz", data=bytes(data)))


def test_a_member_that_unpacks_beyond_the_limit_is_refused():
    bomb = b"0" * 100_000
    for read in (
        lambda: unpacked(Blob(place="a.gz", data=gzip.compress(bomb)), max_bytes=1_000),
        lambda: zip_member(zipped({"m": bomb}), "m", max_bytes=1_000),
        lambda: tar_members(tarred({"m": bomb}), ["m"], max_bytes=1_000),
    ):
        with pytest.raises(UserError, match="unpacks to more than 1000 bytes"):
            read()


def test_links_in_a_tar_file_lead_nowhere():
    link = tarfile.TarInfo("de-en/train.de")
    link.type, link.linkname = tarfile.SYMTYPE, "../../../etc/hostname"
    hard = tarfile.TarInfo("train.en")
    hard.type, hard.linkname = tarfile.LNKTYPE, "/etc/hostname"
    assert tar_members(tarred({"a": link, "b": hard}), ["train.de", "train.en"]) == {}
