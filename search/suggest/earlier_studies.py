"""Trials of earlier studies from which a search learns (``search.warm_start``)."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from search.study.comparability import corpus_digest, other_settings
from search.study.config import StudyConfig
from search.study.folder import StudyFolder, find_study
from search.study.ledger import sorted_records
from search.study.revaluation import revalued, within_budget
from search.study.trained_candidate import candidate_of
from search.study.trial_record import TrialRecord
from spaces.chooser import Point
from spaces.errors import UserError
from trainable.config import CLOCKS, Budget

logger = logging.getLogger(__name__)

_VALUED_ANEW = ("budget", "objective")  # tables in which an earlier study may differ


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierTrial:
    """A trial of another study that is whole here too, and a candidate of this one's space."""

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
    earlier = folder.config()
    differing = [
        f"[{name}]" for name in other_settings(earlier, config) if name not in _VALUED_ANEW
    ]
    if corpus_digest(Path(folder.data())) != corpus_digest(data):
        differing.append("the prepared data")
    if differing:
        rule = f"{', '.join(differing)} differ from this study's, so the curves do not compare"
        return [f"{_place(folder)}: {rule}; make them alike or leave the earlier study out"]
    if _ends_before(earlier.budget, config.budget):
        rule = "its trials end before this study's [budget], so their areas do not compare"
        return [f"{_place(folder)}: {rule}; give a shorter budget or leave the earlier study out"]
    return []


def _place(folder: StudyFolder) -> str:
    return f"search.warm_start '{folder.path}'"


def _ends_before(earlier: Budget, budget: Budget) -> bool:
    """True if each limit of ``budget`` is beyond the same limit of ``earlier``."""
    limits = [(earlier.on(clock), limit) for clock in CLOCKS if (limit := budget.on(clock))]
    return all(before is not None and before < limit for before, limit in limits)


def _trials(folder: StudyFolder, config: StudyConfig) -> list[EarlierTrial]:
    ended = [record for record in sorted_records(folder.trials) if record.is_trained]
    whole = [(record, _as_here(record, config, _place(folder))) for record in ended]
    trials = [
        EarlierTrial(study=folder.id(), record=here, point=point)
        for record, here in whole
        if here is not None and (point := _point(record, config)) is not None
    ]
    taken = {trial.record.id for trial in trials}
    n_left_out = sum(r.state == "completed" and r.id not in taken for r in ended)
    logger.info("warm_start=%s taken=%d left_out=%d", folder.path, len(trials), n_left_out)
    return trials


def _as_here(record: TrialRecord, config: StudyConfig, place: str) -> TrialRecord | None:
    """The trial with this study's budget and objective; None if its curve is no whole one here.

    Raises:
        UserError: the objective is an expression without a value for the trial.
    """
    if (record.config.budget, record.config.objective) == (config.budget, config.objective):
        return record if record.state == "completed" else None
    here = within_budget(record, config.budget)
    return None if here is None else revalued([here], config.objective, place=place)[0]


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
