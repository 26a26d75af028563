"""All checks of a study, and its repair."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace

from search.doctor.checkpoints import check_checkpoints
from search.doctor.finding import Finding
from search.doctor.repair import repair_study
from search.doctor.replicates import check_replicates, repair_replicates
from search.doctor.runs import check_runs
from search.doctor.suggestions import check_suggestions
from search.doctor.trials import check_trials
from search.study.folder import ConfirmFolder, StudyFolder
from search.study.ledger_lines import read_contents
from search.study.place import settle_place
from search.study.storage import study_storage


def examine(folder: StudyFolder, *, repair: bool) -> list[Finding]:
    """Findings of all checks, after a repair if ``repair`` is set.

    Those of a search are followed by those of its ``confirm``.

    Raises:
        UserError: a driver runs the study, or MLflow cannot be reached for the repair.
    """
    if folder.purpose() == "confirm":
        folder = ConfirmFolder(folder.path)
    if repair:
        settle_place(folder.home)
    parts = [folder, folder.confirm] if folder.confirm.resolved.is_file() else [folder]
    with ExitStack() as locks:
        for part in parts:
            locks.enter_context(part.locked())
        return [finding for part in parts for finding in _examine(part, repair=repair)]


def _examine(folder: StudyFolder, *, repair: bool) -> list[Finding]:
    is_confirm = isinstance(folder, ConfirmFolder)  # early versions noted no purpose
    if folder.purpose() == "study" and not is_confirm:
        if repair:
            repair_study(folder.config(), folder)
        return _check_search(folder)
    if repair:
        repair_replicates(folder)
    findings = check_replicates(folder)
    return [replace(f, subject=f"confirm: {f.subject}") if is_confirm else f for f in findings]


def _check_search(folder: StudyFolder) -> list[Finding]:
    config = folder.config()
    contents = read_contents(folder.trials)
    records = [record for _, record in sorted(contents.records.items())]
    return [
        check_trials(folder.trials, records, config),
        check_suggestions(folder.optuna_log, records, config),
        check_checkpoints(study_storage(folder), records, config),
        check_runs(config, folder, records),
    ]
