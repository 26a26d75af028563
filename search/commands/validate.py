"""``reservoir-search validate``: a study file checked, with nothing trained."""

from __future__ import annotations

from search.commands.options import Settings, StudyFile


def validate(study: StudyFile, settings: Settings = None) -> None:
    """Check a study file and say what it searches; nothing is trained."""
    from search.report.study_outline import outline
    from search.study.config import load_study
    from search.study.console import say_fact

    for line in outline(load_study(study, settings or []), study):
        say_fact(line)
