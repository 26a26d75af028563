"""Trials of earlier studies from which a search learns (``search.warm_start``)."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from search.study.comparability import corpus_digest, other_settings
from search.study.config import StudyConfig
from search.study.folder import StudyFolder, find_study
from search.study.ledger import sorted_records
from search.study.trained_candidate import candidate_of
from search.study.trial_record import TrialRecord
from spaces.chooser import Point
from spaces.errors import UserError

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierTrial:
    """A completed trial of another study, whose candidate this study could train as well."""

    study: str  # the other study's id
    record: TrialRecord
    point: Point  # a point of this study's space

    @property
    def name(self) -> str:
        """Differs between any two trials of any two studies."""
        return f"{self.study}/{self.record.id}"


def earlier_trials(config: StudyConfig, data: Path) -> list[EarlierTrial]:
    """The trials that the studies of ``search.warm_start`` have for this one.

    Args:
        data: the prepared data of this study.

    Raises:
        UserError: a study is not there, or its curves do not compare with this one's.
    """
    # By id, for a study can be named in two ways.
    folders = {folder.id(): folder for folder in map(find_study, config.search.warm_start)}
    if faults := [fault for folder in folders.values() for fault in _faults(folder, config, data)]:
        raise UserError("\n".join(faults))
    return [trial for folder in folders.values() for trial in _trials(folder, config)]


def _faults(folder: StudyFolder, config: StudyConfig, data: Path) -> list[str]:
    differing = [f"[{name}]" for name in other_settings(folder.config(), config)]
    if corpus_digest(Path(folder.data())) != corpus_digest(data):
        differing.append("the prepared data")
    if not differing:
        return []
    place = f"search.warm_start '{folder.path}'"
    rule = f"{', '.join(differing)} differ from this study's, so the curves do not compare"
    return [f"{place}: {rule}; make them alike or leave the earlier study out"]


def _trials(folder: StudyFolder, config: StudyConfig) -> list[EarlierTrial]:
    completed = [record for record in sorted_records(folder.trials) if record.state == "completed"]
    trials = [
        EarlierTrial(study=folder.id(), record=record, point=point)
        for record in completed
        if (point := _point(record, config)) is not None
    ]
    n_left_out = len(completed) - len(trials)
    logger.info("warm_start=%s taken=%d left_out=%d", folder.path, len(trials), n_left_out)
    return trials


def _point(record: TrialRecord, config: StudyConfig) -> Point | None:
    """The point of the study's space that stands for the same training, if there is one."""
    candidate = candidate_of(record.config, config.space)
    try:
        point = config.space.encode(candidate)
        trial = config.trial(candidate, data=config.data)
    except UserError:
        return None
    # What the earlier study searched, and this one does not, must be as this one has it set.
    settings = record.config.model, record.config.train
    return point if settings == (trial.model, trial.train) else None
