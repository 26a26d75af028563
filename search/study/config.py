"""A study file: what to search, on what, for how long, and how to judge it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence, Set
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from search.study.agreement import (
    algorithm_faults,
    horizon_faults,
    hyper_faults,
    layout_faults,
    reference_faults,
    scheduler_faults,
)
from search.study.chosen_class import Algorithm, Scheduler
from search.study.deciding_axes import with_deciding_axes
from search.study.duration import Duration
from search.study.first_layouts import First, first_layout_faults
from search.study.learning import default_grace, longest_warm_up
from search.study.storage_uri import storage_faults
from search.study.tracking_uri import tracking_faults
from spaces.candidate import Candidate
from spaces.errors import UserError
from spaces.faults import MAX_FAULTS, faults_of, one_line, refuse
from spaces.space import SearchSpace
from trainable.config import (
    AREAS,
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
from trainable.data.bounded import read_values, toml_values

MAX_FILE_BYTES = 2**18  # of a study file


class ProxyConfig(Section):
    """Settings of the proxy: a measure of the untrained encoder that discards suggestions."""

    measure: Literal["lyapunov", "token_spread", "relative_token_spread", "effective_dimension"]
    prefer: Literal["low", "high"]
    keep: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.5  # share of the suggestions
    audit: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.1  # share of the rest, trained as a check


class SearchConfig(Section):
    """Settings of the search algorithm, and the number of trials."""

    algorithm: Algorithm = "surrogate"
    n_trials: PositiveInt = 24
    n_concurrent: PositiveInt | None = None  # as many as the cluster holds if absent
    timeout: Duration | None = None  # of all sessions together; no new trial begins after it
    max_failed: PositiveInt | None = None  # number of failed trials at which the search ends
    n_startup: PositiveInt = 8  # random trials before the algorithm chooses; ignored by surrogate
    first: tuple[First, ...] = ()  # encoders or whole candidates, trained before all others
    warm_start: tuple[str, ...] = ()  # earlier studies, by name or folder, to learn from
    proxy: ProxyConfig | None = None  # every suggestion is trained if absent
    references: bool = True  # Model 0 and the winner's deletion are trained too


class SchedulerConfig(Section):
    """Settings of early stopping, which compares trials at rungs of a clock."""

    name: Scheduler = "asha"
    clock: Clock | None = None  # the objective's clock if absent
    grace: PositiveFloat | None = None  # first rung on that clock; absent: ``default_grace``
    reduction_factor: Annotated[float, Field(gt=1.0)] = 2.0
    risk: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.05  # extrapolation: least chance to win


class TrackingConfig(Section):
    """Place where MLflow records the trials; ``MLFLOW_TRACKING_URI`` overrides the file."""

    uri: str | None = None  # SQLite in the study's folder if absent
    tensorboard: bool = False  # write files for TensorBoard into the study's folder too


class StorageConfig(Section):
    """Place of the checkpoints; credentials of an object store come from the environment."""

    uri: str | None = None  # in the study's folder if absent


class StudyConfig(Section):
    """All settings of one study; those that a study file leaves out have their defaults.

    ``[space]`` is in ``spaces/space.py``; ``[model]``, ``[train]``, ``[validation]``,
    ``[budget]``, ``[ranks]`` and ``[objective]``, which trials have too, in
    ``trainable/config.py``.
    """

    name: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
            max_length=100,
            description="of ASCII letters, digits, '.', '_' and '-', the first a letter or a digit",
        ),
    ]
    seed: Seed = 1
    data: Annotated[str, Field(min_length=1)]
    space: SearchSpace
    budget: Budget
    full_budget: Budget | None = None  # budget of export --train; the trials' if absent
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
    def _tables_agree(self) -> Self:
        refuse(self.disagreements())
        return self

    def disagreements(self, broken: Set[str] = frozenset()) -> list[str]:
        """Faults between tables, one line each; rules that read a ``broken`` table are left out."""
        scheduler, search, objective = self.scheduler, self.search, self.objective
        rules: list[tuple[set[str], Callable[[], list[str]]]] = [
            ({"model"}, lambda: layout_faults(self.model)),
            (
                {"space", "model", "train"},
                lambda: hyper_faults(self.space, self.model, self.train),
            ),
            (
                {"scheduler", "objective", "budget"},
                lambda: scheduler_faults(
                    scheduler.name,
                    self.scheduler_clock,
                    scheduler.grace,
                    objective=objective,
                    budget=self.budget,
                ),
            ),
            (
                {"search", "space", "objective"},
                lambda: algorithm_faults(
                    search.algorithm, search.n_startup, space=self.space, objective=objective
                ),
            ),
            ({"search", "space"}, lambda: first_layout_faults(search.first, self.space)),
            (
                {"search", "objective"},
                lambda: reference_faults(objective, references=search.references),
            ),
            ({"storage"}, lambda: storage_faults(self.storage.uri)),
            ({"tracking"}, lambda: tracking_faults(self.tracking.uri)),
            (
                {"objective", "budget", "full_budget"},
                lambda: horizon_faults(self.budget, self.full_budget, objective),
            ),
        ]
        return [fault for tables, rule in rules if not tables & broken for fault in rule()]

    @property
    def horizon(self) -> float:
        """End of the area under a trial's curve, in units of the objective's clock."""
        return self.budget.horizon(self.objective.clock)

    @property
    def scheduler_clock(self) -> Clock:
        """The clock of the scheduler's rungs."""
        return self.scheduler.clock or self.objective.clock

    @property
    def scheduler_grace(self) -> float | None:
        """Clock reading before which no trial is stopped; None without a budget on that clock."""
        clock = self.scheduler_clock
        budget = self.budget.on(clock)
        if budget is None:
            return None
        warm_up = longest_warm_up(self.space, self.train)
        forecasts = self.scheduler.name == "extrapolation"
        default = default_grace(clock, budget, warm_up=warm_up, forecasts=forecasts)
        return self.scheduler.grace or default

    @property
    def unstopped(self) -> Self:
        """The settings with which each trial runs to its end, as replicates do."""
        scheduler = self.scheduler.model_copy(update={"name": "none"})
        return self.model_copy(update={"scheduler": scheduler})

    def trial(self, candidate: Candidate, *, data: str) -> TrialConfig:
        """Settings of the trial of ``candidate``: its own, and the study's for the rest.

        Args:
            data: path of the prepared data.

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
            "encoder": candidate.encoder,
            "decoder": candidate.decoder,
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
            place = f"candidate {candidate.key}"
            raise UserError(faults_of(error, place, TrialConfig)) from error


def load_study(path: Path, overrides: Sequence[str] = ()) -> StudyConfig:
    """Read a study file, with ``table.key=value`` settings put over it.

    Raises:
        UserError: the file is absent, no TOML, or breaks a rule; all faults at once.
    """
    values = study_values(path)
    for override in overrides:
        put_setting(values, override)
    return new_study(values, str(path))


def study_values(path: Path) -> dict[str, Any]:
    """The settings that a study file gives, unchecked; its name is the file's if it gives none.

    Raises:
        UserError: the file is absent or no TOML.
    """
    try:
        text = read_values(path, max_bytes=MAX_FILE_BYTES).decode("utf-8-sig")
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; give the path of a study file") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: byte {error.start} is not UTF-8; save it as UTF-8") from error
    try:
        values = toml_values(text)
    except ValueError as error:  # also for a number of 5,000 digits
        raise UserError(f"{path}: not TOML: {error}") from error
    return {"name": path.stem} | values


def new_study(values: Mapping[str, Any], place: str) -> StudyConfig:
    """The study that a user describes by ``values``; ``place`` names them in errors.

    Raises:
        UserError: they break a rule; all faults at once.
    """
    return study_from(with_deciding_axes(values), place)


def study_from(values: Mapping[str, Any], place: str) -> StudyConfig:
    """The study of just these ``values``, as one that was begun; ``place`` names them in errors.

    Raises:
        UserError: they break a rule; all faults at once.
    """
    try:
        # Strict mode reads tuples from JSON's arrays, but not from Python's lists.
        text = json.dumps(_completed(values), default=str)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{place}: {error}; no setting is so large or so deep") from error
    try:
        return StudyConfig.model_validate_json(text)
    except ValidationError as error:
        lines = [faults_of(error, place, StudyConfig)]
        lines += [f"{place}: {one_line(fault)}" for fault in _further_faults(error, text)]
        raise UserError("\n".join(lines)) from error


def _further_faults(error: ValidationError, text: str) -> list[str]:
    """Faults between those tables that have no fault of their own."""
    if error.error_count() > MAX_FAULTS:
        return []
    broken = {str(fault["loc"][0]) for fault in error.errors() if fault["loc"]}
    if not broken:  # the error already holds the faults between tables
        return []
    given = json.loads(text)
    right = {
        name: _read(field.annotation, given[name])
        for name, field in StudyConfig.model_fields.items()
        if name in given and name not in broken
    }
    return StudyConfig.model_construct(**right).disagreements(broken)


def _read(annotation: Any, value: object) -> Any:
    return TypeAdapter(annotation).validate_json(json.dumps(value), strict=True)


def _completed(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Values with the default scheduler of an objective that is no area: to stop no trial.

    The score so far tells little of the final one; the area so far is a part of the whole.
    """
    match values:
        case {"objective": {"name": str(name)}} if name not in AREAS:
            match values.get("scheduler", {}):
                case dict(scheduler):
                    return {**values, "scheduler": {"name": "none", **scheduler}}
    return values


def put_setting(values: dict[str, Any], override: str) -> None:
    """Put one ``table.key=value`` into ``values``; the value is TOML, or a bare string.

    Raises:
        UserError: ``override`` is not written so, or its table is a value.
    """
    key, separator, text = override.partition("=")
    if not separator or not key:
        raise UserError(f"--set '{override}': write it as table.key=value, e.g. train.lr=3e-4")
    try:
        value = toml_values(f"value = {text}")["value"]
    except ValueError:
        value = text
    *tables, name = key.split(".")
    target = values
    for table in tables:
        target = target.setdefault(table, {})
        if not isinstance(target, dict):
            raise UserError(f"--set '{override}': '{table}' is a value, not a table")
    target[name] = value
