"""A study's folder: paths of its files, its resolved settings, and the lock of its driver."""

from __future__ import annotations

import contextlib
import fcntl
import json
import platform
import re
import shlex
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4
from zlib import crc32

from search.study.config import StudyConfig, study_from
from search.study.written_settings import with_earlier_defaults, written_settings
from spaces.errors import UserError
from trainable.atomic import atomic_folder, write_atomically
from trainable.data.bounded import read_values

STUDIES = Path("studies")
_ID = re.compile(r"[0-9a-f]{32}")  # the id is also part of a path
CHECKSUM = "crc32"  # key of a JSON file: the checksum of its other parts
_PARTS = ("ray", "torch", "optuna", "mlflow", "ve-fairseq", "sacrebleu", "reservoir-search")

# A study finds layouts; confirm and reproduce compare given layouts over seeds.
Purpose = Literal["study", "confirm", "reproduce"]


@dataclass(frozen=True, slots=True)
class StudyFolder:
    """The files of one study."""

    path: Path

    @property
    def study_file(self) -> Path:
        return self.path / "study.toml"

    @property
    def resolved(self) -> Path:
        return self.path / "resolved.json"

    @property
    def ray(self) -> Path:
        return self.path / "ray"

    @property
    def optuna_log(self) -> Path:
        return self.path / "optuna.log"

    @property
    def mlflow_database(self) -> Path:
        return self.path / "mlflow.db"

    @property
    def mlflow_artifacts(self) -> Path:
        return self.path / "mlartifacts"

    @property
    def trials(self) -> Path:
        return self.path / "trials.jsonl"

    @property
    def export(self) -> Path:
        return self.path / "export"

    @property
    def confirm(self) -> ConfirmFolder:
        """Folder of ``confirm``, inside this one."""
        return ConfirmFolder(self.path / "confirm")

    @property
    def home(self) -> StudyFolder:
        """Folder of the study that the MLflow experiment belongs to."""
        return self

    @property
    def report(self) -> Path:
        return self.path / "report.html"

    @property
    def argument(self) -> str:
        """The study as an argument of a command, quoted for a shell: its name, or its folder."""
        is_named = self.path.parent == STUDIES
        return shlex.quote(self.path.name if is_named else str(self.path))

    def full_training(self, trial: int) -> Path:
        """Folder of the checkpoints that ``export --train`` writes for a trial."""
        return self.path / "full" / f"trial-{trial:04d}"

    def config(self) -> StudyConfig:
        """Settings that were resolved when the study was made.

        Raises:
            UserError: the folder holds no study, or its resolved settings are broken.
        """
        return with_earlier_defaults(study_from(self._resolved()["study"], str(self.resolved)))

    def resolve(
        self,
        config: StudyConfig,
        data: Path | None = None,
        *,
        purpose: Purpose = "study",
        place: Path | None = None,
    ) -> None:
        """Write every setting to ``resolved.json``, with the versions of the packages.

        Args:
            data: the prepared data of a new study; id, purpose and data stay if absent.
            purpose: of a new study.
            place: where a new study's folder will be, if it is being made elsewhere.
        """
        settings = written_settings(config)
        if data is None:
            self.change(study=settings, versions=_versions())
            return
        resolved = {
            "study": settings,
            "id": new_id(),
            "purpose": purpose,
            "data": str(data.resolve()),
            "versions": _versions(),
            "place": str((place or self.path).resolve()),
        }
        self._write(resolved)

    def change(self, **parts: Any) -> None:
        """Change parts of ``resolved.json``; the others stay."""
        self._write(self._resolved() | parts)

    def _write(self, resolved: Mapping[str, Any]) -> None:
        parts = {**resolved, CHECKSUM: checksum_of(resolved)}
        write_atomically(self.resolved, json.dumps(parts, indent=2))

    def data(self) -> str:
        """The absolute path of the study's prepared data."""
        data: str = self._resolved()["data"]
        return data

    def purpose(self) -> Purpose:
        """Purpose of the study's trials."""
        purpose: Purpose = self._resolved().get("purpose", "study")  # early versions wrote none
        return purpose

    def require_search(self, command: str) -> None:
        """Check that the study is a search, as ``command`` needs.

        Raises:
            UserError: it is of ``confirm`` or ``reproduce``.
        """
        purpose = self.purpose()
        if purpose != "study":
            raise UserError(
                f"{self.path}: {command} is for searches, but this study was started by "
                f"reservoir-search {purpose}; repeat that command to continue"
            )

    def id(self) -> str:
        """Unique id of the study, wherever its folder is."""
        id_: str = self._resolved()["id"]
        return id_

    def former_ids(self) -> tuple[str, ...]:
        """Ids of the studies that this one is a copy of, the latest first."""
        return tuple(self._resolved().get("former_ids", ()))

    def place(self) -> Path | None:
        """Absolute path of the folder when last written to; None before the first time.

        Earlier versions wrote none.
        """
        place = self._resolved().get("place")
        return None if place is None else Path(place)

    def versions(self) -> dict[str, str]:
        """Versions of the packages that the study ran on."""
        versions: dict[str, str] = self._resolved()["versions"]
        return versions

    def spent_s(self) -> float:
        """Seconds for which the study's drivers have searched."""
        spent: float = self._resolved().get("spent_s", 0.0)  # earlier versions wrote none
        return spent

    def tracked_at(self) -> str | None:
        """Address of the MLflow store that was last used, redacted; None before the first time."""
        address: str | None = self._resolved().get("tracked_at")
        return address

    def _resolved(self) -> dict[str, Any]:
        try:
            resolved: Any = json.loads(read_values(self.resolved))
        except OSError as error:
            raise UserError(
                f"{self.path}: no study is here; start one with: reservoir-search run STUDY.toml"
            ) from error
        except (ValueError, RecursionError) as error:
            raise UserError(
                f"{self.resolved}: not JSON: {error}; restore the file from a copy"
            ) from error
        if not _is_whole(resolved):
            raise UserError(f"{self.resolved}: is damaged; restore the file from a copy")
        found: dict[str, Any] = resolved
        checksum = found.pop(CHECKSUM, None)  # earlier versions wrote none
        if checksum is not None and checksum != checksum_of(found):
            raise UserError(
                f"{self.resolved}: it changed since it was written, by its {CHECKSUM}; if by "
                "you, remove that key, else restore the file from a copy"
            )
        return found

    def is_locked(self) -> bool:
        """True while a driver runs the study."""
        try:
            with self.locked():
                return False
        except UserError:
            return True

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the study for this process.

        Raises:
            UserError: another driver has locked it.
        """
        with (self.path / ".lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise UserError(
                    f"{self.path}: another driver runs this study; wait for it or stop it first"
                ) from error
            yield


@dataclass(frozen=True, slots=True)
class ConfirmFolder(StudyFolder):
    """Folder of ``confirm`` within a study's folder; both use one MLflow store."""

    @property
    def home(self) -> StudyFolder:
        return StudyFolder(self.path.parent)

    @property
    def mlflow_database(self) -> Path:
        return self.home.mlflow_database

    @property
    def mlflow_artifacts(self) -> Path:
        return self.home.mlflow_artifacts


def find_study(name: str) -> StudyFolder:
    """The study called ``name``, or in the folder ``name``.

    Raises:
        UserError: there is none.
    """
    for path in (STUDIES / name, Path(name)):
        if (path / "resolved.json").is_file():
            return StudyFolder(path)
    known = study_names()
    others = f"; studies here: {', '.join(known)}" if known else ""
    raise UserError(f"study '{name}': neither {STUDIES / name} nor {name} holds a study{others}")


def study_names() -> list[str]:
    """Names of the studies here, in order."""
    return sorted(path.parent.name for path in STUDIES.glob("*/resolved.json"))


def place_for_study(name: str, *, go_on: str | None = None) -> Path:
    """Path of the folder of a new study called ``name``.

    Args:
        go_on: what goes on with a study that is there; the command by default.

    Raises:
        UserError: the folder exists.
    """
    place = STUDIES / name
    if place.exists():
        go_on = go_on or f"reservoir-search resume {shlex.quote(name)}"
        raise UserError(f"{place} already holds a study; continue it with: {go_on}")
    return place


def make_study_folder(
    config: StudyConfig, study_file: Path, data: Path, *, purpose: Purpose = "study"
) -> StudyFolder:
    """Make the folder of a new study, whole or not at all.

    Raises:
        UserError: a study of that name exists.
    """
    target = place_for_study(config.name)
    with atomic_folder(target) as building:
        folder = StudyFolder(building)
        shutil.copyfile(study_file, folder.study_file)
        folder.resolve(config, data, purpose=purpose, place=target)
    return StudyFolder(target)


def mend_command(study: Path | str) -> str:
    """Command that repairs a study, given by its name or folder, quoted for a shell."""
    return f"reservoir-search doctor {shlex.quote(str(study))} --mend"


def new_id() -> str:
    """A new study's id."""
    return uuid4().hex


def _is_whole(resolved: object) -> bool:
    """True if ``resolved``, of a ``resolved.json``, has all its parts."""
    needed = {"study": dict, "id": str, "data": str, "versions": dict}
    # Earlier versions wrote none of these.
    later = {"purpose": str, "place": str, "tracked_at": str, "former_ids": list, "spent_s": float}
    later[CHECKSUM] = str
    if not isinstance(resolved, dict):
        return False
    parts: dict[str, Any] = resolved
    return (
        parts.keys() <= needed.keys() | later.keys()
        and all(isinstance(parts.get(name), kind) for name, kind in needed.items())
        and all(isinstance(parts[name], kind) for name, kind in later.items() if name in parts)
        and all(_is_id(id_) for id_ in (parts["id"], *parts.get("former_ids", ())))
    )


def checksum_of(parts: Mapping[str, Any]) -> str:
    """Checksum of the parts of a JSON file, however they are laid out."""
    return f"{crc32(json.dumps(parts, sort_keys=True).encode()):08x}"


def _is_id(value: object) -> bool:
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def _versions() -> dict[str, str]:
    return {"python": platform.python_version()} | {part: metadata.version(part) for part in _PARTS}
