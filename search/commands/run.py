"""``reservoir-search run``: a new study."""

from __future__ import annotations

from search.commands.options import Address, For, Settings, StudyFile
from search.study.console import doing


def run(
    study: StudyFile,
    settings: Settings = None,
    for_: For = None,
    address: Address = None,
) -> None:
    """Start a study: train the trials that its file asks for, then show the result.

    The study's folder is studies/NAME; an existing one is never overwritten.
    Ctrl-C is safe: continue with `reservoir-search resume NAME`.
    """
    with doing("loading torch, Ray and MLflow"):
        from search.report.study_result import print_result
        from search.run.driver import start_study
        from search.study.config import load_study

    config = load_study(study, settings or [])
    print_result(start_study(config, study, address=address, deadline=for_))
