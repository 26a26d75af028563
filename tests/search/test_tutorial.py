"""The tutorial's commands, in their order, as they stand there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
FEWER = (("updates = 300", "updates = 20"), ("interval_updates = 50", "interval_updates = 10"))


def blocks(language: str) -> list[str]:
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", TUTORIAL, flags=re.DOTALL | re.MULTILINE)
    return [block for of, block in fenced if of == language]


@pytest.mark.slow
def test_every_command_of_the_tutorial_works(tmp_path: Path):
    (study,) = blocks("toml")
    for whole, fewer in FEWER:
        assert whole in study
        study = study.replace(whole, fewer)
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "my-first.toml").write_text(study, encoding="utf-8")
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "reservoir-search"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m search "$@"\n')
    program.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    commands = "".join(blocks("")).splitlines()
    assert len(commands) == 9
    for command in commands:
        ended = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, f"{command}\n{ended.stderr[-2000:]}"
    assert (tmp_path / "studies/my-first/report.html").is_file()
    assert len(ended.stdout.splitlines()) == 1  # a line in, a line out
