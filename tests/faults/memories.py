"""The three memories of a study as they lie on the disk, read without the project's readers.

JSON lines of ``trials.jsonl``, JSON lines of Optuna's journal, SQLite tables of MLflow, and the
safetensors files of kept weights.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import tempfile
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

Curve = tuple[tuple[int, float, float], ...]  # updates, score, loss

STATES = ("RUNNING", "COMPLETE", "PRUNED", "FAIL", "WAITING")  # Optuna's, by their number
_CREATE, _SET_STATE, _SET_ATTRIBUTE = 4, 6, 8  # Optuna's operations on a trial


class Unreadable(Exception):
    """Error: a memory is damaged, at a place that the message names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerTrial:
    """A trial as the last of its lines in ``trials.jsonl`` has it."""

    id: int
    key: str  # layouts and hyper-parameters
    seed: int
    state: str
    suggestion: int
    n_updates: int  # of its budget
    interval: int  # updates between two validations
    curve: Curve = ()
    aucc: float | None = None
    objective: float | None = None

    @property
    def has_ended(self) -> bool:
        return self.state != "running"

    @property
    def updates(self) -> int:
        return self.curve[-1][0] if self.curve else 0


@dataclass(slots=True, kw_only=True)
class Suggestion:
    """A trial of Optuna's journal."""

    state: str
    values: tuple[float, ...] = ()
    marks: frozenset[str] = frozenset()  # names of its user attributes


@dataclass(frozen=True, slots=True, kw_only=True)
class MlflowRun:
    """A run of a trial that nobody deleted."""

    id: str
    status: str
    state: str  # the trial's, as a tag
    scores: tuple[tuple[int, float], ...]  # updates, score
    objective: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MlflowStudy:
    """The runs of one study."""

    parents: tuple[str, ...]  # statuses of the study's own runs
    trials: dict[int, tuple[MlflowRun, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Memories:
    """All that a study's folder remembers of its trials."""

    ledger: dict[int, LedgerTrial]
    suggestions: list[Suggestion]
    mlflow: MlflowStudy
    weights: dict[int, list[Path]]  # files of best weights, by trial


def read_memories(study: Path) -> Memories:
    """All memories of the study in the folder.

    Raises:
        Unreadable: one of them is damaged.
    """
    try:
        return Memories(
            ledger=read_ledger(study / "trials.jsonl"),
            suggestions=read_journal(study / "optuna.log"),
            mlflow=read_runs(study),
            weights=best_weights(study / "ray"),
        )
    except (KeyError, IndexError, TypeError, ValueError) as error:  # JSON, but not what it was
        raise Unreadable(f"{study.name}: {error!r}") from error


def read_ledger(path: Path) -> dict[int, LedgerTrial]:
    """Trials by id; the last line may be cut short.

    Raises:
        Unreadable: another line is not JSON, or not that of its checksum.
    """
    found = [_ledger_trial(fields) for fields in _json_lines(path)]
    return {trial.id: trial for trial in found}


def _ledger_trial(fields: dict[str, Any]) -> LedgerTrial:
    config = fields["config"]
    return LedgerTrial(
        id=fields["id"],
        key=fields["key"],
        seed=config["seed"],
        state=fields["state"],
        suggestion=fields["optuna_number"],
        n_updates=config["budget"]["updates"],
        interval=config["validation"]["interval_updates"],
        curve=tuple((p["updates"], p["score"], p["loss"]) for p in fields["curve"]),
        aucc=fields["aucc"],
        objective=fields["objective"],
    )


def read_journal(path: Path) -> list[Suggestion]:
    """Suggestions by number; the last line may be cut short.

    Raises:
        Unreadable: another line is not JSON.
    """
    found: list[Suggestion] = []
    for entry in _json_lines(path):
        if entry["op_code"] == _CREATE:
            found.append(Suggestion(state=STATES[entry.get("state") or 0]))
        elif entry["op_code"] == _SET_ATTRIBUTE:
            suggestion = found[entry["trial_id"]]
            suggestion.marks |= entry["user_attr"].keys()
        elif entry["op_code"] == _SET_STATE:
            suggestion = found[entry["trial_id"]]
            if suggestion.state in ("RUNNING", "WAITING"):  # Optuna refuses any other change
                suggestion.state = STATES[entry["state"]]
                suggestion.values = tuple(entry["values"] or ())
    return found


def _json_lines(path: Path) -> list[dict[str, Any]]:
    lines = path.read_bytes().split(b"\n") if path.exists() else []
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            if line:
                found.append(json.loads(line))
        except ValueError as error:
            if number < len(lines):
                raise Unreadable(f"{path.name}: line {number}: {error}") from error
            continue
        content, mark, checksum = line.rpartition(b', "crc32": "')
        if mark and int(checksum[:8], 16) != crc32(content + b"}"):
            raise Unreadable(f"{path.name}: line {number}: not what its checksum says")
    return found


def read_runs(study: Path) -> MlflowStudy:
    """Runs of the study in MLflow, from a copy: a killed writer's work may be rolled back.

    Raises:
        Unreadable: SQLite finds the file damaged.
    """
    study_id = json.loads((study / "resolved.json").read_bytes())["id"]
    database = study / "mlflow.db"
    with tempfile.TemporaryDirectory() as folder:
        for part in database.parent.glob(f"{database.name}*"):
            shutil.copy(part, folder)
        try:
            with closing(sqlite3.connect(Path(folder) / database.name)) as store:
                return _mlflow_study(store, study_id)
        except sqlite3.DatabaseError as error:
            raise Unreadable(f"{database.name}: {error}") from error


def _mlflow_study(store: sqlite3.Connection, study_id: str) -> MlflowStudy:
    statuses = dict(
        store.execute("select run_uuid, status from runs where lifecycle_stage = 'active'")
    )
    tags: dict[str, dict[str, str]] = defaultdict(dict)
    for run, name, value in store.execute("select run_uuid, key, value from tags"):
        tags[run][name] = value
    parents = [run for run in statuses if tags[run].get("reservoir_search.study") == study_id]
    trials: dict[int, tuple[MlflowRun, ...]] = {}
    for run, status in statuses.items():
        if tags[run].get("mlflow.parentRunId") in parents:
            id_ = int(tags[run]["reservoir_search.trial_id"])
            found = _mlflow_run(store, run, status, tags[run].get("state", ""))
            trials[id_] = (*trials.get(id_, ()), found)
    return MlflowStudy(parents=tuple(statuses[run] for run in parents), trials=trials)


def _mlflow_run(store: sqlite3.Connection, run: str, status: str, state: str) -> MlflowRun:
    points = "select distinct step, value from metrics where run_uuid = ? and key = ? order by step"
    final = store.execute(points, (run, "objective_final")).fetchall()
    return MlflowRun(
        id=run,
        status=status,
        state=state,
        scores=tuple(store.execute(points, (run, "score"))),
        objective=final[-1][1] if final else None,
    )


def best_weights(storage: Path) -> dict[int, list[Path]]:
    """Files of best weights that lie in storage, by trial."""
    found: dict[int, list[Path]] = defaultdict(list)
    for path in sorted(storage.glob("session-*/trial-*/checkpoint_*/best.safetensors")):
        found[int(path.parts[-3].removeprefix("trial-"))].append(path)
    return dict(found)


def weights_fault(path: Path) -> str | None:
    """Damage of a safetensors file by its checksum, where it has one, and by its own header."""
    content = path.read_bytes()
    sums = path.with_name("checksums.json")
    digest = json.loads(sums.read_bytes()).get(path.name) if sums.exists() else None
    if digest not in (None, hashlib.sha256(content).hexdigest()):
        return f"{path.parent.name}/{path.name}: not what its checksum says"
    try:
        end = 8 + int.from_bytes(content[:8], "little")
        header = json.loads(content[8:end])
        ends = [entry["data_offsets"][1] for name, entry in header.items() if name[0] != "_"]
    except (ValueError, KeyError, IndexError, AttributeError) as error:
        return f"{path.parent.name}/{path.name}: no header of safetensors: {error!r}"
    if len(content) != end + max(ends, default=0):
        return f"{path.parent.name}/{path.name}: {len(content)} bytes, not {end + max(ends)}"
    return None


def checkpointed_updates(storage: Path, trial: int) -> int:
    """Updates of a trial's newest checkpoint that is whole; 0 if there is none."""
    folders = storage.glob(f"session-*/trial-{trial:04d}/checkpoint_*")
    return max((_updates(folder) for folder in folders), default=0)


def _updates(checkpoint: Path) -> int:
    try:
        sums: dict[str, str] = json.loads((checkpoint / "checksums.json").read_bytes())
        for name, digest in sums.items():
            if hashlib.sha256((checkpoint / name).read_bytes()).hexdigest() != digest:
                return 0
        progress = json.loads((checkpoint / "progress.json").read_bytes())
    except (OSError, ValueError):
        return 0
    updates: int = progress["curve"][-1]["updates"]
    return updates
