"""``reservoir-search schema``: what a study file may hold, for editors."""

from __future__ import annotations


def schema() -> None:
    """Print the JSON schema of study files, by which editors complete and check them.

    For VS Code and others with taplo: save it as study.schema.json, and begin a
    study file with the line `#:schema study.schema.json`.
    """
    from search.study.console import say_json
    from search.study.schema import study_schema

    say_json(study_schema())
