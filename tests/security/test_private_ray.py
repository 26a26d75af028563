"""A local search's Ray: its folder, its token, and that it asks for the token."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from search.private_ray import hide_token, private_folder
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
    with pytest.raises(UserError, match="belongs to someone else"):
        private_folder()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(users_folder, "_TMP", tmp_path)
    folder = tmp_path / f"reservoir-search-{os.getuid()}"
    folder.mkdir()
    os.chown(folder, 12345, 12345)
    with pytest.raises(UserError, match="belongs to someone else"):
        private_folder()


def test_the_token_is_hidden_from_other_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    hide_token()  # there is none
    token = tmp_path / ".ray/auth_token"
    token.parent.mkdir()
    token.write_text("token")
    token.chmod(0o644)
    hide_token()
    assert stat.S_IMODE(token.stat().st_mode) == 0o600


JOIN = """
import os, sys, ray
from search.ray_cluster import local_ray
with local_ray():
    address = ray.get_runtime_context().gcs_address
    print("mode", os.environ["RAY_AUTH_MODE"])
    sys.stdout.flush()
    import subprocess
    ask = "import ray; ray.init(sys.argv[1])".replace("import ray", "import sys, ray")
    for token in (None, "ab" * 32):
        other = dict(os.environ)
        other["RAY_AUTH_MODE"] = "token" if token else "disabled"
        if token:
            other["RAY_AUTH_TOKEN"] = token
        told = subprocess.run([sys.executable, "-c", ask, address], env=other, timeout=300,
                              capture_output=True, text=True)
        print("joined" if told.returncode == 0 else "refused")
"""


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_local_search_asks_for_a_token(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-c", JOIN],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=1500,
        check=False,
    )
    assert done.stdout.split("\n")[:3] == ["mode token", "refused", "refused"], done.stderr[-2000:]
