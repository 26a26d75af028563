"""SMAC3's search over a trial table, where SMAC3 is installed."""

from __future__ import annotations

import importlib.util
import math
import tempfile
from pathlib import Path
from typing import Any

from ray.tune.schedulers import FIFOScheduler
from ray.tune.search import Searcher

from benchmarks.flat_space import FlatChooser, answers_of
from search.replay.peer import Peer
from search.replay.trial_table import TrialTable
from search.schedule.schedulers import OBJECTIVE
from search.study.config import StudyConfig
from spaces.chooser import Point


def is_installed() -> bool:
    """True if SMAC3 is installed; it is not among our requirements."""
    return importlib.util.find_spec("smac") is not None


def smac(_table: TrialTable, config: StudyConfig, seed: int) -> Peer:
    """SMAC3's random forest with expected improvement, each layout trained to the end."""
    return Peer(searcher=_Suggesting(config, seed), scheduler=FIFOScheduler())


class _Suggesting(Searcher):  # type: ignore[misc]
    """Ray Tune searcher with SMAC3's suggestions, by its interface of ask and tell."""

    def __init__(self, config: StudyConfig, seed: int) -> None:
        from ConfigSpace import Categorical, ConfigurationSpace
        from smac import HyperparameterOptimizationFacade, Scenario

        super().__init__(metric=OBJECTIVE, mode="max")
        self._space = config.space
        self._answers = answers_of(config)
        self._asked: dict[str, Any] = {}  # SMAC3's trials, by Ray's id
        # Answers are numbered, as one question's may be of several types.
        numbered = {
            name: Categorical(name, range(len(values))) for name, values in self._answers.items()
        }
        self._folder = tempfile.TemporaryDirectory(prefix="smac-")
        scenario = Scenario(
            ConfigurationSpace(space=numbered, seed=seed),
            deterministic=True,
            n_trials=config.search.n_trials,
            seed=seed,
            output_directory=Path(self._folder.name),
        )
        self._smac = HyperparameterOptimizationFacade(
            scenario, _never_called, overwrite=True, logging_level=False
        )

    def suggest(self, trial_id: str) -> Point | str:
        from smac.main.exceptions import ConfigurationSpaceExhaustedException

        try:
            asked = self._smac.ask()
        except (StopIteration, ConfigurationSpaceExhaustedException):  # it finds no untried one
            return str(Searcher.FINISHED)
        self._asked[trial_id] = asked
        flat = {name: values[int(asked.config[name])] for name, values in self._answers.items()}
        chooser = FlatChooser(flat, self._answers)
        self._space.choose(chooser)
        return chooser.point

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        from smac.runhistory import TrialValue

        reached = math.nan if error or result is None else float(result[OBJECTIVE])
        cost = -reached if math.isfinite(reached) else 0.0  # 0: the least that is reached
        self._smac.tell(self._asked[trial_id], TrialValue(cost=cost), save=False)


def _never_called(config: Any, seed: int = 0) -> float:
    raise NotImplementedError("SMAC3 suggests by ask and tell alone")
