"""A local search's Ray: its folder, its token, and that it asks for the token."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from search.cluster.ray_files import hidden_token, private_folder
from spaces.errors import UserError
from tests.search.command_line import environment
from trainable import users_folder


def test_rays_folder_is_below_one_that_no_other_user_can_look_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(users_folder, "_TMP", tmp_path)
    parent = private_folder().parent
    assert stat.S_IMODE(parent.stat().st_mode) == 0o700
    parent.chmod(0o777)
    assert stat.S_IMODE(private_folder().parent.stat().st_mode) == 0o700


def test_a_folder_that_someone_else_put_there_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(users_folder, "_TMP", tmp_path)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / f"reservoir-search-{os.getuid()}").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="belongs to another user"):
        private_folder()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(users_folder, "_TMP", tmp_path)
    folder = tmp_path / f"reservoir-search-{os.getuid()}"
    folder.mkdir()
    os.chown(folder, 12345, 12345)
    with pytest.raises(UserError, match="belongs to another user"):
        private_folder()


def test_a_token_is_made_that_no_other_user_can_read_at_any_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(Path, "chmod", lambda path, mode: None)  # the mode it is made with counts
    before = os.umask(0)
    try:
        token = hidden_token()
    finally:
        os.umask(before)
    assert token == tmp_path / ".ray/auth_token"
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    assert len(bytes.fromhex(token.read_text())) == 32


def test_a_token_that_is_there_stays_and_is_hidden_from_other_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    token = tmp_path / ".ray/auth_token"
    token.parent.mkdir()
    token.write_text("token")
    token.chmod(0o644)
    assert hidden_token() == token
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    assert token.read_text() == "token"


def test_a_home_that_cannot_be_written_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "home").write_text("no folder")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with pytest.raises(UserError, match=r"auth_token: Not a directory; .*set HOME to a folder"):
        hidden_token()


ASK = """
import sys
from ray._raylet import GcsClient

print(len(GcsClient(address=sys.argv[1]).get_all_node_info(timeout=30)), "node")
"""
ASK_ALL = f"""
import os, ray, subprocess, sys
from search.cluster.ray_cluster import local_ray

with local_ray():
    address = ray.get_runtime_context().gcs_address
    for token in ({{}}, {{"RAY_AUTH_MODE": "disabled"}}, {{"RAY_AUTH_TOKEN": "ab" * 32}}):
        done = subprocess.run(
            [sys.executable, "-c", {ASK!r}, address],
            env={{**os.environ, **token}},
            capture_output=True,
            text=True,
            timeout=300,
        )
        is_refused = done.returncode == 1 and "AUTH_TOKEN" in done.stderr
        print("refused" if is_refused else done.stdout.strip())
"""


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_local_search_answers_who_has_its_token_and_nobody_else(tmp_path: Path):
    """Asked with the token, without one, and with another."""
    done = subprocess.run(
        [sys.executable, "-c", ASK_ALL],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=1500,
        check=False,
    )
    assert done.stdout.split() == ["1", "node", "refused", "refused"], done.stderr[-2000:]
