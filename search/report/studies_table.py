"""The studies of this folder: how far each is, and its best trial."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from rich.box import SIMPLE_HEAD
from rich.table import Table

from search.study.config import StudyConfig
from search.study.console import output, tell
from search.study.folder import STUDIES, StudyFolder, study_names
from search.study.ledger import n_searched, n_unbegun, sorted_records
from search.study.ranking import best_trial
from search.study.trial_record import TrialRecord
from spaces.errors import UserError


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One study in the list."""

    study: str
    state: str  # running, done or unfinished
    n_trained: int
    n_trials: int
    best: int | None  # id of the best trial
    encoder: str | None  # of the best trial
    score: float | None  # of the best trial
    objective: float | None  # of the best trial


def studies_json() -> list[dict[str, object]]:
    """Each study, as JSON."""
    return [asdict(listed) for listed in _listed()]


def studies_table() -> None:
    """Print a row for each study."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("study", overflow="fold")
    table.add_column("state", no_wrap=True)
    table.add_column("trials", justify="right", no_wrap=True)
    table.add_column("best encoder", overflow="fold")
    for column in ("score", "objective"):
        table.add_column(column, justify="right", no_wrap=True)
    for listed in _listed():
        table.add_row(
            listed.study,
            listed.state,
            f"{listed.n_trained} of {listed.n_trials}",
            listed.encoder or "-",
            "-" if listed.score is None else f"{listed.score:.2f}",
            "-" if listed.objective is None else f"{listed.objective:.5g}",
        )
    if table.row_count:
        output().print(table)
    else:
        tell(f"no study in {STUDIES}/ yet; start one with: reservoir-search run STUDY.toml")


def _listed() -> Iterator[Listed]:
    """Rows of the studies by name; an unreadable study is reported on standard error."""
    for name in study_names():
        try:
            yield _row(StudyFolder(STUDIES / name))
        except UserError as error:
            tell(str(error).split("\n")[0])


def _row(folder: StudyFolder) -> Listed:
    config = folder.config()
    records = sorted_records(folder.trials)
    best = best_trial(records, config.objective)
    n_trained = sum(record.is_trained and record.reference is None for record in records)
    return Listed(
        study=folder.path.name,  # by which commands find it
        state=_state(folder, config, records),
        n_trained=n_trained,
        n_trials=n_searched(records) + n_unbegun(config, records),
        best=None if best is None else best.id,
        encoder=None if best is None else best.canonical,
        score=None if best is None else best.best_score,
        objective=None if best is None else best.objective,
    )


def _state(folder: StudyFolder, config: StudyConfig, records: Sequence[TrialRecord]) -> str:
    if folder.is_locked():
        return "running"
    return "done" if _is_done(config, records) else "unfinished"


def _is_done(config: StudyConfig, records: Sequence[TrialRecord]) -> bool:
    """True if no trial waits to go on, and no further one would be begun."""
    is_running = any(record.state == "running" for record in records)
    return not is_running and n_unbegun(config, records) == 0
