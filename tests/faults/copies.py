"""Damages of copies of a finished study, which its own doctor is to tell and to repair."""

from __future__ import annotations

import logging
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from search.doctor.examine import examine
from search.study.folder import StudyFolder
from spaces.errors import UserError
from tests.faults import judge
from tests.faults.memories import Memories, Unreadable, read_memories


def remedy(study: Path, before: Memories) -> tuple[str, list[str]]:
    """What it takes after a damage, and the promises that were broken.

    Args:
        study: the damaged folder, which is repaired where that is possible.
        before: what the study remembered before the damage.
    """
    harm, told = harms(study, before), findings(study, repair=False)
    if harm and not told:
        return "", [f"the doctor tells nothing of: {harm[0]}"]
    if not harm and not told:
        return "nothing", []
    left = findings(study, repair=True)
    harm = harms(study, before)
    if harm and not left:
        return "", [f"after the repair nobody tells of: {harm[0]}"]
    return "a copy" if left else "doctor --mend", []


def findings(study: Path, *, repair: bool) -> list[str]:
    """All that the project's doctor has to say of a study."""
    faults, waiting = examined(study, repair=repair)
    return faults + waiting


def examined(study: Path, *, repair: bool) -> tuple[list[str], list[str]]:
    """Faults that the project's doctor finds, and what waits for ``resume``.

    In a process of its own: MLflow keeps databases open by their path, also one that was
    replaced meanwhile.
    """
    processes = get_context("forkserver")
    processes.set_forkserver_preload([__name__])
    with ProcessPoolExecutor(1, mp_context=processes) as pool:
        return pool.submit(_examined, study, repair).result()


def _examined(study: Path, repair: bool) -> tuple[list[str], list[str]]:
    logging.disable(logging.WARNING)
    try:
        found = examine(StudyFolder(study), repair=repair)
    except UserError as error:
        return [str(error)], []
    return (
        [fault for finding in found for fault in finding.faults],
        [line for finding in found for line in finding.waiting],
    )


def harms(study: Path, before: Memories) -> list[str]:
    """Differences of the memories from each other and from what they were."""
    try:
        memories = read_memories(study)
    except Unreadable as error:
        return [str(error)]
    return [
        *judge.changed_records(before.ledger, memories.ledger),
        *judge.disagreements(memories),
        *judge.wrong_weights(memories),
    ]
