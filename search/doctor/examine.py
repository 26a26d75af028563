"""All checks of a study, and its repair."""

from __future__ import annotations

from search.doctor.checkpoints import check_checkpoints
from search.doctor.finding import Finding
from search.doctor.repair import repair_study
from search.doctor.runs import check_runs
from search.doctor.suggestions import check_suggestions
from search.doctor.trials import check_trials
from search.study.folder import StudyFolder
from search.study.ledger_lines import read_contents
from search.study.place import settle_place
from search.study.storage import study_storage


def examine(folder: StudyFolder, *, repair: bool) -> list[Finding]:
    """Findings of all checks, after a repair if ``repair`` is set.

    Raises:
        UserError: the study is no search, a driver runs it, or MLflow cannot be reached for
            the repair.
    """
    config = folder.config()
    folder.require_search("doctor")
    if repair:
        settle_place(folder)
    with folder.locked():
        if repair:
            repair_study(config, folder)
        contents = read_contents(folder.trials)
        records = [record for _, record in sorted(contents.records.items())]
        return [
            check_trials(folder.trials, records, config),
            check_suggestions(folder.optuna_log, records, config),
            check_checkpoints(study_storage(folder), records, config),
            check_runs(config, folder, records),
        ]
