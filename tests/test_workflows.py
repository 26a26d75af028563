"""The workflows on GitHub call targets and commands that there are."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.test_documented_commands import parse, whole_commands

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def steps(path: Path) -> list[str]:
    """What a workflow's steps run."""
    jobs = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values()
    return [step.get("run", "") for job in jobs for step in job["steps"]]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_target_of_a_workflow_is_in_the_makefile(path: Path):
    called = {word for step in steps(path) for word in re.findall(r"\bmake ([a-z-]+)", step)}
    made = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert called
    assert called <= made


def test_a_release_tries_its_wheel_and_the_night_the_readme(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GITHUB_WORKSPACE", str(ROOT))
    (release,) = [path for path in WORKFLOWS if path.stem == "release"]
    (trying,) = [step for step in steps(release) if "dist/*.whl" in step]
    for command in (
        r"^test .\$\((reservoir-search --version)",
        r"^(reservoir-search validate .*)$",
    ):
        (called,) = re.findall(command, trying, flags=re.MULTILINE)
        ((program, words),) = whole_commands(f"```\n{os.path.expandvars(called)}\n```\n")
        if "--version" not in words:  # acts while it is read
            parse(program, words, monkeypatch)
    (nightly,) = [path for path in WORKFLOWS if path.stem == "nightly"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (translate,) = [step for step in steps(nightly) if "translate" in step]
    assert translate in readme


def test_the_notes_of_a_release_are_its_part_of_the_changelog():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    (release,) = [path for path in WORKFLOWS if path.stem == "release"]
    (cut,) = [
        step.splitlines()[0] for step in steps(release) if "notes.md" in step and "sed" in step
    ]
    command = cut.partition(" > ")[0]
    notes = subprocess.run(
        ["bash", "-c", command],
        cwd=ROOT,
        env={**os.environ, "GITHUB_REF_NAME": f"v{version}"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    part = re.split(r"^## .*\n", changelog.partition(f"\n## {version} ")[2], flags=re.MULTILINE)[0]
    assert notes == part.partition("\n")[2]
    assert "### Added" in notes
