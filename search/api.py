"""A search from Python: ``from search import Study``."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import pandas as pd
import tomli_w

from search.exports.export import export_layout
from search.exports.register import register_export
from search.exports.translate import Translator
from search.report.page import write_report
from search.run.deadline import Deadline
from search.run.driver import resume_study, start_study
from search.study.config import StudyConfig, new_study, study_values
from search.study.folder import StudyFolder, find_study, place_for_study
from search.study.ledger import sorted_records
from search.study.process_environment import settle_libraries
from search.study.ranking import best_trial
from search.study.study_file import study_file
from search.study.trial_record import TrialRecord
from spaces.errors import UserError


class Study:
    """One search: its settings, its trials, its best layout.

    The same files as the command line's, in ``studies/NAME`` of the working folder, so that
    both can be used in turn. Nothing is printed; ``logging.basicConfig(level="INFO")`` shows
    the log.

    Example:
        >>> study = Study.new("quickstart", name="wide", model={"d_model": 128})
        >>> study.run()
        >>> study.trials.sort_values("objective", ascending=False)
        >>> study.translate(["Meine Schwester hat gelacht."])
    """

    def __init__(self, folder: StudyFolder, config: StudyConfig, given: Mapping[str, Any]) -> None:
        """Use ``open`` or ``new``, which find these."""
        settle_libraries()
        self._folder = folder
        self._config = config
        self._given = given  # settings of a new study, for its copy of the study file

    @classmethod
    def open(cls, study: str | Path) -> Self:
        """A study that was begun, by its name or folder.

        Raises:
            UserError: there is none.
        """
        folder = find_study(str(study))
        return cls(folder, folder.config(), {})

    @classmethod
    def new(cls, file: str | Path | None = None, **settings: Any) -> Self:
        """A new study, of a study file, of keyword arguments, or of a file changed by these.

        Nothing is trained or written before ``run``.

        Args:
            file: path of a study file; ``"NAME"`` alone means ``studies/NAME.toml``.
            settings: tables and keys of a study file: ``name="mine"``,
                ``space={"depth": 4}``; those of a table join the file's.

        Raises:
            UserError: a study of that name exists, or a setting breaks a rule.
        """
        given = {} if file is None else study_values(study_file(str(file)))
        for name, value in settings.items():
            table = given.get(name, {})
            both = isinstance(value, dict) and isinstance(table, dict)
            given[name] = {**table, **value} if both else value
        place = "Study.new" if file is None else str(file)
        config = new_study(given, place)
        folder = place_for_study(config.name, go_on=f"Study.open({config.name!r})")
        return cls(StudyFolder(folder), config, given)

    def __repr__(self) -> str:
        states = [record.state for record in self._records]
        counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
        return f"<Study {self.name}: {counts or 'no trials yet'}>"

    @property
    def name(self) -> str:
        """Its name."""
        return self._config.name

    @property
    def folder(self) -> Path:
        """Its folder, which ``run`` makes."""
        return self._folder.path

    @property
    def settings(self) -> StudyConfig:
        """All its settings, with their defaults."""
        return self._config

    def run(self, *, address: str | None = None, time: str | None = None) -> Self:
        """Search until the study's trials are done; goes on where an earlier run was.

        Args:
            address: Ray cluster to train on, ``auto`` or HOST:PORT; this machine alone if absent.
            time: end within ``90s``, ``9m`` or ``1h``, finished or not, to go on later.

        Raises:
            NotFinished: the time is over.
            UserError: the data or the settings cannot be used.
            WorkFailed: no trial was completed.
        """
        if self._folder.resolved.is_file():
            return self.resume(address=address, time=time)
        deadline = None if time is None else Deadline.after(time)
        with tempfile.TemporaryDirectory() as scratch:
            file = Path(scratch) / "study.toml"
            file.write_text(tomli_w.dumps(self._given), encoding="utf-8")
            start_study(self._config, file, address=address, deadline=deadline)
        return self

    def resume(
        self,
        *,
        n_trials: int | None = None,
        settings: Sequence[str] = (),
        address: str | None = None,
        time: str | None = None,
    ) -> Self:
        """Go on with an interrupted study, or give a finished one more trials or time.

        Args:
            n_trials: new number of trials in all; as before if absent.
            settings: limits that change, as ``"search.timeout=8h"`` or ``"budget.updates=2000"``.
            address: as of ``run``.
            time: as of ``run``.

        Raises:
            NotFinished: the time is over.
            UserError: the study never began, is being run by another process, or keeps a setting.
            WorkFailed: no trial was completed.
        """
        deadline = None if time is None else Deadline.after(time)
        resume_study(
            self._begun, n_trials=n_trials, settings=settings, address=address, deadline=deadline
        )
        self._config = self._folder.config()
        return self

    @property
    def trials(self) -> pd.DataFrame:
        """A row for each trial, with the fields of ``show --json``; the index is its id."""
        rows = []
        for record in self._records:
            fields = record.summary()
            rows.append(fields | fields.pop("hyper"))
        return pd.DataFrame(rows).set_index("id") if rows else pd.DataFrame()

    @property
    def curves(self) -> pd.DataFrame:
        """A row for each validation of each trial: the clocks, the score and the losses."""
        return pd.DataFrame(
            {"trial": record.id, "layout": record.canonical, **point.to_dict()}
            for record in self._records
            for point in record.curve
        )

    @property
    def best(self) -> dict[str, Any] | None:
        """The best trial, with the fields of ``show --json``; None before one is completed."""
        best = best_trial(self._records, self._config.objective)
        return None if best is None else best.summary()

    def export(
        self,
        *,
        trial: int | None = None,
        out: str | Path | None = None,
        train: bool = False,
        register: str | None = None,
    ) -> Path:
        """Export a trial's layout and weights into a new folder.

        Args:
            trial: id of the trial; the best if absent.
            out: the new folder; ``export`` in the study's folder if absent.
            train: train to the full budget first.
            register: model of the study's MLflow store whose next version the export becomes; an
                export that is there already is taken as it is.

        Raises:
            UserError: there is no such trial, the folder exists, or MLflow cannot register it.
            WorkFailed: the full training diverged.
        """
        path = None if out is None else Path(out)
        if register is None:
            return export_layout(self._begun, trial=trial, out=path, train=train)[0]
        return register_export(
            self._begun, name=register, trial=trial, out=path, train=train
        ).folder

    def translate(self, sentences: Iterable[str], *, beam: int = 5) -> list[str]:
        """Translations of raw sentences by the best layout, which is exported first if need be.

        Raises:
            UserError: no trial was completed, or the study is of another task.
        """
        if not self._folder.export.is_dir():
            self.export()
        return list(Translator(self._folder.export).translate(sentences, beam=beam))

    def report(self, out: str | Path | None = None) -> Path:
        """Write the study as one HTML page; ``report.html`` in its folder if ``out`` is absent."""
        path = None if out is None else Path(out)
        return Path(next(iter(write_report(self._begun, path, None))))

    @property
    def _begun(self) -> StudyFolder:
        """The study's folder.

        Raises:
            UserError: it never began.
        """
        if not self._folder.resolved.is_file():
            raise UserError(f"study {self.name}: nothing was trained yet; begin with run()")
        return self._folder

    @property
    def _records(self) -> list[TrialRecord]:
        return sorted_records(self._folder.trials) if self._folder.resolved.is_file() else []
