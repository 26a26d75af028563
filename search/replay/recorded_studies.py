"""Trial table made of recorded studies."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from search.replay.table_file import read_table
from search.replay.trial_table import RecordedTrial, TrialTable, recorded_settings
from search.study.comparability import corpus_digest, other_settings
from search.study.config import StudyConfig, study_from
from search.study.folder import StudyFolder, find_study
from search.study.ledger import sorted_records
from search.study.trained_candidate import candidate_of
from search.study.trial_record import TrialRecord
from spaces.errors import UserError
from spaces.space import SearchSpace


def open_table(name: str) -> TrialTable:
    """Trial table from the file ``name``, or from the study of that name or folder.

    Raises:
        UserError: there is no such file or study, or it cannot be read.
    """
    path = Path(name)
    return read_table(path) if path.is_file() else table_of_studies([find_study(name)])


def table_of_studies(folders: Sequence[StudyFolder], **made: str) -> TrialTable:
    """Trial table of the completed trials of studies that differ only in seed and space.

    Args:
        folders: the space of the first one is the table's.
        made: facts about the recording, such as the machine, beside the versions.

    Raises:
        UserError: a study's settings or data differ, or nothing was completed.
    """
    first = folders[0]
    study, corpus = first.config(), corpus_digest(Path(first.data()))
    for folder in folders[1:]:
        _refuse_other_settings(folder, study, like=first)
        if corpus_digest(Path(folder.data())) != corpus:
            raise UserError(f"{folder.path}: its data are not those of {first.path}; leave it out")
    completed = [
        (record, folder.config().space)
        for folder in folders
        for record in sorted_records(folder.trials)
        if record.state == "completed"
    ]
    if not completed:
        raise UserError(f"{first.path}: no completed trial to replay; wait until there are some")
    return TrialTable(
        study=study_from({**recorded_settings(study), "data": Path(study.data).name}, study.name),
        corpus=corpus,
        made={**_versions(first), **made},
        metric=completed[0][0].metric,
        trials=tuple(_recorded(record, space) for record, space in completed),
    )


def _refuse_other_settings(folder: StudyFolder, study: StudyConfig, *, like: StudyFolder) -> None:
    if other := other_settings(folder.config(), study):
        raise UserError(
            f"{folder.path}: [{'], ['.join(other)}] differ from those of {like.path}, so their "
            "curves do not compare; record them in tables of their own"
        )


def _recorded(record: TrialRecord, space: SearchSpace) -> RecordedTrial:
    assert record.n_epochs is not None
    assert record.peak_memory_bytes is not None
    return RecordedTrial(
        candidate=candidate_of(record.config, space),
        seed=record.config.seed,
        counts=record.counts,
        curve=record.curve,
        n_epochs=record.n_epochs,
        peak_memory_bytes=record.peak_memory_bytes,
    )


def _versions(folder: StudyFolder) -> dict[str, Any]:
    versions: dict[str, Any] = json.loads(folder.resolved.read_text(encoding="utf-8"))["versions"]
    return versions
