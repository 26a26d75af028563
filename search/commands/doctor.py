"""``reservoir-search doctor``: consistency of a study's records."""

from __future__ import annotations

from typing import Annotated

import typer

from search.commands.options import StudyName


def doctor(
    study: StudyName,
    mend: Annotated[
        bool, typer.Option("--mend", help="Repair what can be repaired without training.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Check whether trials.jsonl, Optuna, the checkpoints and MLflow agree.

    Work that an interruption left for resume is no fault. The exit code is 1 if
    there is a fault.
    """
    from search.doctor.examine import examine
    from search.doctor.findings_table import findings_json, print_findings
    from search.study.console import say_json
    from search.study.errors import WorkFailed
    from search.study.folder import find_study, mend_command

    folder = find_study(study)
    findings = examine(folder, repair=mend)
    if as_json:
        say_json(findings_json(folder.config().name, findings))
    else:
        print_findings(findings)
    n_faults = sum(len(finding.faults) for finding in findings)
    if n_faults:
        remedy = "" if mend else f"; try: {mend_command(study)}"
        raise WorkFailed(f"study {study}: faults found: {n_faults}{remedy}")
