"""The deployment's files, read strictly."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
PINNED = re.compile(r"^[a-z0-9./-]+:[A-Za-z0-9._-]+@sha256:[0-9a-f]{64}$")
OURS = re.compile(r"^reservoir-search:(?P<version>[0-9.]+)-(?:cpu|cuda)$")


class _StrictLoader(yaml.SafeLoader):
    """YAML in which a key stands once: the plain loader lets the last one win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [
            self.construct_object(key, deep=deep)
            for key, _ in node.value
            if key.tag != "tag:yaml.org,2002:merge"
        ]
        assert len(keys) == len(set(keys)), f"a key stands twice: {sorted(keys)}"
        return super().construct_mapping(node, deep=deep)


def documents(path: Path) -> list[dict[str, Any]]:
    """The documents of a YAML file."""
    return list(yaml.load_all(path.read_text(), Loader=_StrictLoader))


def project_version() -> str:
    """The version that pyproject.toml gives."""
    found = re.search(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert found is not None
    return found[1]


def is_pinned(image: str) -> bool:
    """Whether an image is one of ours of this version, or a public one by its digest."""
    ours = OURS.match(image)
    if ours is not None:
        return ours["version"] == project_version()
    return PINNED.match(image) is not None
