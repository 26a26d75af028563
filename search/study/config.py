"""A study file: what to search, on what, for how long, and how to judge it."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from search.study.first_layouts import first_layout_faults
from search.study.import_path import is_import_path
from search.study.storage_uri import storage_faults
from search.study.tracking_uri import tracking_faults
from spaces.axes import Range
from spaces.errors import UserError
from spaces.space import Candidate, SearchSpace
from trainable.config import (
    Budget,
    Clock,
    ModelConfig,
    ObjectiveConfig,
    PositiveFloat,
    PositiveInt,
    RanksConfig,
    Section,
    Seed,
    TrainConfig,
    TrialConfig,
    ValidationConfig,
)

# What [space.hyper] may name: dotted paths into these tables.
_SEARCHABLE: dict[str, type[Section]] = {"model": ModelConfig, "train": TrainConfig}
# The fields of [model] that the space decides, and the axes that do.
_DECIDING_AXES = {
    "encoder": "space.depth and space.interleaving",
    "decoder": "space.decoder_depth",
    "reservoir_gain": "space.reservoir_gain",
}
SEARCHED_FIELDS = set(_DECIDING_AXES)


ALGORITHMS = ("surrogate", "tpe", "random", "gp", "nsga2", "cmaes", "grid")
SCHEDULERS = ("asha", "median", "extrapolation", "none")


def _check_algorithm(name: str) -> str:
    return _check_name(name, ALGORITHMS, "an algorithm")


def _check_scheduler(name: str) -> str:
    return _check_name(name, SCHEDULERS, "a scheduler")


def _check_name(name: str, known: Sequence[str], what: str) -> str:
    """One of the known names, or an import path, which is not followed yet."""
    if name not in known and not is_import_path(name):
        raise ValueError(f"it is no name of {what}; use {', '.join(known)}, or module:Class")
    return name


class ProxyConfig(Section):
    """By which measure of the untrained encoder some suggestions are never trained."""

    measure: Literal["lyapunov", "token_spread", "relative_token_spread", "effective_dimension"]
    prefer: Literal["low", "high"]
    keep: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.5  # share of the suggestions
    audit: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.1  # share of the rest, trained all the same


class SearchConfig(Section):
    """Who chooses the layouts, and how many are trained."""

    algorithm: Annotated[str, AfterValidator(_check_algorithm)] = "surrogate"
    n_trials: PositiveInt = 24
    n_concurrent: PositiveInt | None = None  # as many as the cluster holds if absent
    n_startup: PositiveInt = 8  # drawn at random before the algorithm chooses; not by surrogate
    first: tuple[str, ...] = ()  # encoders, in notation or by preset, trained before all others
    warm_start: tuple[str, ...] = ()  # studies, by name or folder, whose trials are learned from
    proxy: ProxyConfig | None = None  # every suggestion is trained if absent


class SchedulerConfig(Section):
    """Who stops trials early, comparing them at rungs of a clock."""

    name: Annotated[str, AfterValidator(_check_scheduler)] = "asha"
    clock: Clock | None = None  # the objective's clock if absent
    grace: PositiveFloat | None = None  # on that clock; a quarter of the budget if absent
    reduction_factor: Annotated[float, Field(gt=1.0)] = 2.0
    risk: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.05  # extrapolation: a chance below is none


class TrackingConfig(Section):
    """Where MLflow records the trials; ``MLFLOW_TRACKING_URI`` goes before the file."""

    uri: str | None = None  # SQLite in the study's folder if absent


class StorageConfig(Section):
    """Where the checkpoints go; what opens an object store comes from the environment."""

    uri: str | None = None  # in the study's folder if absent


class StudyConfig(Section):
    """One study: every setting that is not a default."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)]
    seed: Seed = 1
    data: str
    space: SearchSpace
    budget: Budget
    full_budget: Budget | None = None  # of export --train; the trials' budget if absent
    model: ModelConfig = ModelConfig()
    train: TrainConfig = TrainConfig()
    validation: ValidationConfig = ValidationConfig()
    ranks: RanksConfig = RanksConfig()
    objective: ObjectiveConfig = ObjectiveConfig()
    search: SearchConfig = SearchConfig()
    scheduler: SchedulerConfig = SchedulerConfig()
    tracking: TrackingConfig = TrackingConfig()
    storage: StorageConfig = StorageConfig()

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        faults = [
            *self._layout_faults(),
            *self._hyper_faults(),
            *self._scheduler_faults(),
            *self._algorithm_faults(),
            *first_layout_faults(self.search.first, self.space),
            *storage_faults(self.storage.uri),
            *tracking_faults(self.tracking.uri),
        ]
        if self.budget.on(self.objective.clock) is None:
            faults.append(
                f"objective.clock is '{self.objective.clock}', so budget.{self.objective.clock} "
                "must be given: it is the horizon of the area"
            )
        if self.full_budget is not None and self.full_budget.on(self.objective.clock) is None:
            faults.append(
                f"objective.clock is '{self.objective.clock}', so "
                f"full_budget.{self.objective.clock} must be given"
            )
        if faults:
            raise ValueError("; ".join(faults))
        return self

    @property
    def scheduler_clock(self) -> Clock:
        """The clock of the scheduler's rungs."""
        return self.scheduler.clock or self.objective.clock

    @property
    def scheduler_grace(self) -> float | None:
        """Before it no trial is stopped, on the scheduler's clock; None without a budget there."""
        budget = self.budget.on(self.scheduler_clock)
        return None if budget is None else self.scheduler.grace or budget / 4

    def _layout_faults(self) -> list[str]:
        return [
            f"model.{name} is what the study searches; give {_DECIDING_AXES[name]}"
            for name in sorted(self.model.model_fields_set & SEARCHED_FIELDS)
        ]

    def _hyper_faults(self) -> list[str]:
        known = {
            f"{table}.{field}"
            for table, model in _SEARCHABLE.items()
            for field in model.model_fields.keys() - SEARCHED_FIELDS
        }
        faults = [
            f"space.hyper: '{name}' is no setting of a trial; one of {', '.join(sorted(known))}"
            for name in self.space.hyper
            if name not in known
        ]
        for name, axis in self.space.hyper.items():
            if name in known:
                values = (axis.low, axis.high) if isinstance(axis, Range) else axis
                faults += [fault for value in values for fault in self._value_faults(name, value)]
        return faults

    def _value_faults(self, name: str, value: object) -> list[str]:
        """What is wrong with a value of a hyper-parameter, whatever the others are."""
        table, _, field = name.partition(".")
        given = getattr(self, table).model_dump() | {field: value}
        try:
            _SEARCHABLE[table].model_validate(given)
        except ValidationError as error:
            return [
                f"space.hyper: {name} {value!r}: {fault['msg'].removeprefix('Value error, ')}"
                for fault in error.errors()
                # A rule over several settings may hold with other values of the others.
                if fault["loc"] or len(self.space.hyper) == 1
            ]
        return []

    def _scheduler_faults(self) -> list[str]:
        if self.scheduler.name == "none":
            return []
        faults = []
        if self.objective.name == "pareto":
            faults.append(
                f"scheduler.name '{self.scheduler.name}' compares one number, and objective.name "
                "'pareto' has two; set scheduler.name = \"none\""
            )
        clock = self.scheduler_clock
        budget = self.budget.on(clock)
        if budget is None:
            faults.append(f"scheduler.clock is '{clock}', so budget.{clock} must be given")
        elif self.scheduler.grace is not None and self.scheduler.grace >= budget:
            faults.append(
                f"scheduler.grace {self.scheduler.grace} must be below budget.{clock} {budget}"
            )
        return faults

    def _algorithm_faults(self) -> list[str]:
        axes = self.space.continuous_axes()
        if self.search.algorithm == "nsga2" and self.search.n_startup < 2:
            return ["search.n_startup is nsga2's population; give 2 or more"]
        if self.search.algorithm == "grid" and axes:
            return [f"search.algorithm 'grid' needs lists of values; {', '.join(axes)} is a range"]
        if self.search.algorithm == "surrogate" and self.objective.name == "pareto":
            return ["search.algorithm 'surrogate' has one objective; use tpe or nsga2 for 'pareto'"]
        if self.search.algorithm == "cmaes" and len(axes) < 2:
            return ["search.algorithm 'cmaes' needs at least two ranges {low, high}; use tpe"]
        if self.search.algorithm == "cmaes" and self.objective.name == "pareto":
            return ["search.algorithm 'cmaes' has one objective; use nsga2 or tpe for 'pareto'"]
        return []

    def trial(self, candidate: Candidate, *, data: str) -> TrialConfig:
        """The trial that ``candidate`` stands for, with the study's settings around it.

        Raises:
            UserError: the candidate's hyper-parameters do not fit each other.
        """
        tables: dict[str, dict[str, Any]] = {
            "model": self.model.model_dump(),
            "train": self.train.model_dump(),
        }
        for name, value in candidate.hyper.items():
            table, _, field = name.partition(".")
            tables[table][field] = value
        tables["model"] |= {
            "encoder": str(candidate.encoder.canonical()),
            "decoder": str(candidate.decoder.canonical()),
            "reservoir_gain": candidate.reservoir_gain,
        }
        try:
            return TrialConfig(
                data=data,
                seed=self.seed,
                model=ModelConfig.model_validate(tables["model"]),
                train=TrainConfig.model_validate(tables["train"]),
                validation=self.validation,
                budget=self.budget,
                ranks=self.ranks,
                objective=self.objective,
            )
        except ValidationError as error:
            raise UserError(faults_of(error, f"candidate {candidate.key}")) from error


def load_study(path: Path, overrides: Sequence[str] = ()) -> StudyConfig:
    """Read a study file, with ``table.key=value`` settings put over it.

    Raises:
        UserError: the file is absent, no TOML, or breaks a rule; all faults at once.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; give the path of a study file") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: byte {error.start} is not UTF-8; save it as UTF-8") from error
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also of a number of 5,000 digits
        raise UserError(f"{path}: not TOML: {error}") from error
    values.setdefault("name", path.stem)
    for override in overrides:
        put_setting(values, override)
    return study_from(values, str(path))


def study_from(values: Mapping[str, Any], place: str) -> StudyConfig:
    """The study that ``values`` describe; ``place`` names them in errors.

    Raises:
        UserError: they break a rule; all faults at once.
    """
    try:
        # By way of JSON, whose arrays strict mode takes for tuples.
        text = json.dumps(_completed(values), default=str)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{place}: {error}; no setting is so large or so deep") from error
    try:
        return StudyConfig.model_validate_json(text)
    except ValidationError as error:
        raise UserError(faults_of(error, place)) from error


def _completed(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The surrogate knows one objective: ``pareto`` has another default algorithm."""
    match values:
        case {"objective": {"name": "pareto"}, **others}:
            search = others.get("search", {})
            if isinstance(search, dict):
                return {**values, "search": {"algorithm": "tpe", **search}}
    return values


def faults_of(error: ValidationError, place: str) -> str:
    """One line for each fault: place, key, value, rule."""
    lines = []
    for fault in error.errors():
        key = ".".join(str(part) for part in fault["loc"])
        rule = fault["msg"].removeprefix("Value error, ")
        value = f" {fault['input']!r}" if _may_be_told(key, fault["input"]) else ""
        lines.append(f"{place}: {key}{value}: {rule}" if key else f"{place}: {rule}")
    return "\n".join(lines)


def _may_be_told(key: str, value: object) -> bool:
    """Short values, but for what may be a password."""
    is_secret = key.startswith(("tracking", "storage"))
    is_short = isinstance(value, str | float) or (isinstance(value, int) and abs(value) < 10**60)
    return is_short and not is_secret and len(repr(value)) <= 60


def put_setting(values: dict[str, Any], override: str) -> None:
    """Put one ``table.key=value`` into ``values``; the value is TOML, or a bare string.

    Raises:
        UserError: it is not written so, or its table is a value.
    """
    key, separator, text = override.partition("=")
    if not separator or not key:
        raise UserError(f"--set '{override}': write it as table.key=value, e.g. train.lr=3e-4")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        value = text
    *tables, name = key.split(".")
    target = values
    for table in tables:
        target = target.setdefault(table, {})
        if not isinstance(target, dict):
            raise UserError(f"--set '{override}': '{table}' is a value, not a table")
    target[name] = value
