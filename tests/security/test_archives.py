"""Archives: no path leads out, nothing unpacks beyond a limit, nothing lands on the disk."""

from __future__ import annotations

import gzip
import io
import lzma
import tarfile
import zipfile
from pathlib import Path

import pytest

from search.replay.table_file import read_table
from spaces.errors import UserError
from trainable.data import archives
from trainable.data.archives import tar_members, zip_member
from trainable.data.blobs import Blob
from trainable.data.packed import unpacked

NAMES = ["../../train.de", "/tmp/train.de", "a/../../train.de", "C:\\train.de", "..\\train.de"]


def tarred(*members: tarfile.TarInfo, mode: str = "w") -> Blob:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(b"x" * member.size) if member.size else None)
    return Blob(place="a.tar", data=stream.getvalue())


def named(name: str, kind: bytes = tarfile.REGTYPE, size: int = 1) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.size, member.linkname = kind, size, "/etc/hostname"
    return member


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_leads_out_writes_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    before = {path for path in (tmp_path, tmp_path.parent) for path in path.iterdir()}
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr(name, "x")
    tar_members(tarred(named(name)), ["train.de"])
    zip_member(Blob(place="a.zip", data=zipped.getvalue()), name)
    assert {path for path in (tmp_path, tmp_path.parent) for path in path.iterdir()} == before
    assert not Path("/tmp/train.de").exists()


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE]
)
def test_links_devices_and_pipes_are_no_members(kind: bytes):
    assert tar_members(tarred(named("train.de", kind, size=0)), ["train.de"]) == {}


def test_a_member_of_holes_is_none():
    sparse = named("train.de", tarfile.GNUTYPE_SPARSE, size=512)
    assert tar_members(tarred(sparse), ["train.de"]) == {}


def test_members_that_nobody_asked_for_count_towards_the_limit():
    bomb = tarred(*(named(f"m{n}", size=100_000) for n in range(20)), mode="w:gz")
    assert len(bomb.data) < 20_000
    with pytest.raises(UserError, match="unpacks to more than 1000000 bytes"):
        tar_members(bomb, ["train.de"], max_tar_bytes=1_000_000)


def test_too_many_members_are_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(archives, "MAX_MEMBERS", 9)
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        for n in range(10):
            archive.writestr(f"m{n}", "")
    with pytest.raises(UserError, match="over 9 members"):
        tar_members(tarred(*(named(f"m{n}") for n in range(10))), ["x"])
    with pytest.raises(UserError, match="over 9 members"):
        zip_member(Blob(place="a.zip", data=zipped.getvalue()), "m1")


def test_only_the_kinds_that_corpora_use_are_unpacked():
    """Others may ask for gigabytes before the first byte is out."""
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("m", "x")
    with pytest.raises(UserError, match="other than deflate"):
        zip_member(Blob(place="a.zip", data=zipped.getvalue()), "m")
    with pytest.raises(UserError, match="broken or cut-off"):
        tar_members(Blob(place="a.tar", data=lzma.compress(tarred(named("m")).data)), ["m"])


def test_a_gzip_within_the_limit_is_read_and_one_beyond_is_refused():
    packed = Blob(place="a.gz", data=gzip.compress(b"0" * 3_000_000))
    assert len(unpacked(packed, max_bytes=3_000_000).data) == 3_000_000
    with pytest.raises(UserError, match="unpacks to more than 2999999 bytes"):
        unpacked(packed, max_bytes=2_999_999)


def test_a_table_that_unpacks_beyond_the_limit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("search.replay.table_file.MAX_BYTES", 10**6)
    (tmp_path / "t.jsonl.gz").write_bytes(gzip.compress(b"0" * 10**7))
    with pytest.raises(UserError, match="unpacks to more than 1000000 bytes"):
        read_table(tmp_path / "t.jsonl.gz")
