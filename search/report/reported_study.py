"""Contents of a report: a study's files, read once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from search.report.objective_words import objective_words
from search.study.config import StudyConfig
from search.study.folder import StudyFolder
from search.study.ledger import sorted_records
from search.study.ranking import best_trial, pareto_front, ranked
from search.study.references import Model0s, Reference, references_of
from search.study.reservoir_verdict import reservoir_verdict
from search.study.score_name import score_name
from search.study.trial_record import TrialRecord
from search.suggest.suggestions import Suggestions, read_suggestions
from spaces.errors import UserError
from trainable.aucc import aucc_unit
from trainable.config import Clock
from trainable.data.manifest import Manifest

N_TOP = 5  # best trials, in colour in the figures


@dataclass(frozen=True, kw_only=True)
class ReportedStudy:
    """Study as its folder was at one moment."""

    folder: StudyFolder
    config: StudyConfig
    records: Sequence[TrialRecord]
    suggestions: Suggestions
    resolved: Mapping[str, Any]  # resolved.json: every setting, versions, path of the data
    manifest: Manifest | None  # of the data; None if they are gone

    @property
    def name(self) -> str:
        return self.config.name

    @property
    def argument(self) -> str:
        """The study as an argument of a command."""
        return self.folder.argument

    @property
    def metric(self) -> str:
        """Name of the scores."""
        return score_name(self.records)

    @property
    def clock(self) -> Clock:
        """Clock of the objective."""
        return self.config.objective.clock

    @property
    def objective_words(self) -> str:
        """Name of the objective in running text."""
        return objective_words(self.config.objective, self.metric)

    @property
    def unit(self) -> str:
        """Unit of the AUCC."""
        return aucc_unit(self.metric, self.clock)

    @cached_property
    def compared(self) -> list[TrialRecord]:
        """Completed trials within the bounds, best first."""
        return ranked(self.records, self.config.objective)

    @property
    def top_trials(self) -> list[TrialRecord]:
        """The ``N_TOP`` best trials, best first."""
        return self.compared[:N_TOP]

    @cached_property
    def best(self) -> TrialRecord | None:
        return best_trial(self.records, self.config.objective)

    @cached_property
    def front(self) -> set[int]:
        """Ids of the trials on the Pareto front of AUCC and the objective's parameters."""
        return {record.id for record in pareto_front(self.records, self.config.objective)}

    @cached_property
    def best_aucc(self) -> float:
        """Highest AUCC of the compared trials; 0 if there are none."""
        return max((record.aucc or 0.0 for record in self.compared), default=0.0)

    @cached_property
    def references(self) -> list[Reference]:
        """Model 0 by depth, and the winner's deletion; empty without references."""
        return references_of(self.config, self.records)

    @cached_property
    def model0s(self) -> Model0s:
        return Model0s.of(self.config, self.records)

    @property
    def verdict(self) -> str | None:
        """Sentence on the winner's reservoirs."""
        return reservoir_verdict(self.config, self.records)

    def normalised_aucc(self, record: TrialRecord) -> float | None:
        """The trial's AUCC as a part of the best one's; None where it is not compared.

        Source:
            Shen et al. 2021 (arXiv:2012.15045), section 3: areas divided by the largest of
            the compared models'.
        """
        if not self.best_aucc or record.aucc is None or record.id not in self._compared_ids:
            return None
        return record.aucc / self.best_aucc

    @cached_property
    def _compared_ids(self) -> set[int]:
        return {record.id for record in self.compared}


def read_study(folder: StudyFolder) -> ReportedStudy:
    """Read the study in ``folder``; it is not changed, and a search may run meanwhile.

    Raises:
        UserError: the study's settings are broken.
    """
    config = folder.config()
    return ReportedStudy(
        folder=folder,
        config=config,
        records=sorted_records(folder.trials),
        suggestions=read_suggestions(folder.optuna_log, study=config.name),
        resolved=json.loads(folder.resolved.read_text(encoding="utf-8")),
        manifest=_manifest(Path(folder.data())),
    )


def _manifest(data: Path) -> Manifest | None:
    try:
        return Manifest.load(data)
    except UserError:
        return None
