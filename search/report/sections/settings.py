"""Settings, seeds, versions, data and machines: all that is needed to run the study again."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from search.report.reported_study import ReportedStudy
from search.report.section import Section
from search.report.templating import render
from search.study.score_name import study_signature
from trainable.data.manifest import Manifest

# user:password@ in an address: a page is passed on more readily than a study's folder.
_LOGIN = re.compile(r"://[^/@\s]+@")


def settings(study: ReportedStudy) -> Section:
    """Section with the settings by dotted name, data, machines and versions."""
    versions = study.resolved["versions"]
    body = render(
        "settings.html",
        study=study,
        settings=[(name, without_login(value)) for name, value in flat(study.resolved["study"])],
        machines=[*machines(study), *versions.items()],
        signature=study_signature(study.manifest, study.metric, versions.get("sacrebleu")),
        seeds=sorted({record.config.seed for record in study.records}),
        study_file=without_login(study_file(study)),
        manifest=study.manifest,
        sources=sources(study.manifest),
    )
    return Section(name="settings", title="Settings, data, versions", body=body)


def machines(study: ReportedStudy) -> list[tuple[str, str]]:
    """Hosts of the trials, with the number of trials on each."""
    hosts = Counter(record.host for record in study.records if record.host).most_common()
    ran = ", ".join(f"{host} ({n} trials)" for host, n in hosts)
    return [("hosts", ran or "not recorded")]


def sources(manifest: Manifest | None) -> list[tuple[str, str]]:
    """Source files of the corpus with their SHA-256."""
    return [] if manifest is None else [(s.place, s.sha256) for s in manifest.sources]


def flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every setting by dotted name; a dash where it is absent."""
    for name, value in values.items():
        if isinstance(value, Mapping) and value and not {"low", "high"} <= value.keys():
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", _text_of(value)


def without_login(text: str) -> str:
    """Remove user names and passwords from the addresses in ``text``."""
    return _LOGIN.sub("://…@", text)


def study_file(study: ReportedStudy) -> str:
    """Text of the study file as given; empty if the file is gone."""
    try:
        return study.folder.study_file.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""


def _text_of(value: object) -> str:
    if value is None or value in ({}, []):
        return "–"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{name} {part}" for name, part in value.items())
    return str(value).lower() if isinstance(value, bool) else str(value)
