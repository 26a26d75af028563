"""Record of one trial, as a study keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, FailFast, TypeAdapter

from spaces.counts import ParamCounts
from spaces.layout import Layout
from spaces.layout_fields import WrittenLayout
from trainable.aucc import aucc, best_point, minimum_loss_point
from trainable.config import TrialConfig
from trainable.curve import Point
from trainable.objective import Progress, mparams, objective_value, objective_values
from trainable.teacher_cost import TeacherCost

State = Literal["running", "completed", "stopped", "failed"]
# Trained to compare with: as many learned layers as a searched depth has, sharing nothing; or
# the winner without its reservoirs.
Role = Literal["model0", "deletion"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRecord:
    """One trial: its settings, its state and its results."""

    id: int
    layout: WrittenLayout  # encoder's layout as it was suggested
    key: str  # the candidate's key: equal keys are the same model with the same settings
    config: TrialConfig
    counts: ParamCounts
    optuna_number: int | None  # None for a reference that is not in the space
    metric: str = "BLEU"  # name of the metric; earlier versions wrote none
    state: State = "running"
    reason: str | None = None  # of a failure or a stop; while it runs, its last fault
    # The first faulty point is enough: a line can hold a million.
    curve: Annotated[tuple[Point, ...], FailFast()] = ()
    aucc: float | None = None
    objective: float | None = None
    mlflow_run_id: str | None = None
    host: str | None = None
    n_epochs: float | None = None
    peak_memory_bytes: int | None = None  # peak memory of the first rank
    warmup_s: float | None = None  # compiling and recording on a GPU, since the last start
    dynamics: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # measures by update
    proxy: float | None = None  # measure of search.proxy before training
    reference: Role | None = None  # of a trial beside the search; None for those of n_trials
    teacher: TeacherCost | None = None  # with train.distill, once the trial was validated

    @property
    def encoder(self) -> Layout:
        """The encoder's canonical layout."""
        return self.config.model.encoder

    @property
    def decoder(self) -> Layout:
        """The decoder's canonical layout."""
        return self.config.model.decoder

    @property
    def layouts(self) -> str:
        """The stacks of the model in a sentence: ``encoder RL, decoder L``."""
        decoder = f", decoder {self.decoder}" if self.decoder.depth else ""
        return f"encoder {self.encoder}{decoder}"

    @property
    def canonical(self) -> str:
        """The encoder's canonical layout in its notation."""
        return str(self.encoder)

    @property
    def has_reservoirs(self) -> bool:
        return self.encoder.n_reservoirs + self.decoder.n_reservoirs > 0

    @property
    def is_of_the_space(self) -> bool:
        """True if the trial can win: the space has its candidate, within ``max_mparams``."""
        return self.optuna_number is not None

    @property
    def is_trained(self) -> bool:
        """True if the trial gave a verdict on its layout: it was completed, or stopped early."""
        return self.state in ("completed", "stopped")

    @property
    def clock(self) -> float:
        """Reading of the objective's clock at the last point."""
        return self.curve[-1].at(self.config.objective.clock) if self.curve else 0.0

    @property
    def best_score(self) -> float | None:
        """Best score of the curve; None before the first validation."""
        return best_point(self.curve).score if self.curve else None

    @property
    def n_mparams(self) -> float:
        """Parameters in millions, counted as the objective asks."""
        return mparams(self.counts, self.config.objective.parameters)

    def begun_again(self, optuna_number: int | None) -> TrialRecord:
        """The trial before its start, as another suggestion of Optuna's if it is one."""
        return TrialRecord(
            id=self.id,
            layout=self.layout,
            key=self.key,
            config=self.config,
            counts=self.counts,
            optuna_number=optuna_number,
            metric=self.metric,
            mlflow_run_id=self.mlflow_run_id,
            proxy=self.proxy,
            reference=self.reference,
        )

    def so_far(self, n_points: int) -> tuple[float, float]:
        """AUCC and objective after the first ``n_points`` validations."""
        if n_points == len(self.curve) and self.aucc is not None and self.objective is not None:
            return self.aucc, self.objective
        objective = self.config.objective
        area = aucc(
            self.curve[:n_points],
            clock=objective.clock,
            horizon=self.config.horizon,
            hold_last=False,
        )
        return area, objective_value(objective, self._progress(n_points, area))

    @property
    def gain(self) -> float:
        """The objective, signed so that higher is better; minus infinity before there is one."""
        return self.config.objective.gain(self.objective)

    @property
    def objectives(self) -> tuple[float, ...]:
        """Values of all the study's objectives; a trial with a curve has them."""
        assert self.aucc is not None
        progress = self._progress(len(self.curve), self.aucc)
        return objective_values(self.config.objective, progress)

    def _progress(self, n_points: int, area: float) -> Progress:
        return Progress(curve=self.curve[:n_points], aucc=area, counts=self.counts)

    def hyper(self) -> dict[str, Any]:
        """Settings beside the layouts that a search may vary, by dotted name."""
        return {
            f"{table}.{name}": value
            for table, settings in (("model", self.config.model), ("train", self.config.train))
            for name, value in settings
            if name not in ("encoder", "decoder")
        }

    def measures(self) -> dict[str, float]:
        """Further measures of a trial; times are in units of the objective's clock.

        Empty before the first validation.
        """
        if not self.curve or self.n_epochs is None or self.peak_memory_bytes is None:
            return {}
        clock = self.config.objective.clock
        lowest, last = minimum_loss_point(self.curve), self.curve[-1]
        return {
            "time_to_best": best_point(self.curve).at(clock),
            "loss_minimum": lowest.loss,
            "time_to_minimum_loss": lowest.at(clock),
            "n_updates": float(last.updates),
            "n_epochs": self.n_epochs,
            "mean_tokens_per_s": last.tokens / last.seconds,
            "peak_memory_mib": self.peak_memory_bytes / 2**20,
            "weights_mib": 4 * self.counts.stored / 2**20,  # fp32, as they are stored
            **({"warmup_s": self.warmup_s} if self.warmup_s else {}),
        }

    def summary(self) -> dict[str, Any]:
        """The fields of ``show --json``."""
        return {
            "id": self.id,
            "layout": self.canonical,
            "decoder": str(self.decoder),
            "state": self.state,
            "reason": self.reason,
            "seed": self.config.seed,
            "clock": self.clock,
            "metric": self.metric,
            "score": self.best_score,
            "aucc": self.aucc,
            "objective": self.objective,
            **({} if self.proxy is None else {"proxy": self.proxy}),
            **({} if self.reference is None else {"reference": self.reference}),
            **({} if self.teacher is None else {"teacher": asdict(self.teacher)}),
            **self.measures(),
            "n_params_total": self.counts.total,
            "n_params_learned": self.counts.learned,
            "n_params_stored": self.counts.stored,
            "n_params_encoder": self.counts.encoder,
            "hyper": self.hyper(),
            "mlflow_run_id": self.mlflow_run_id,
        }

    def to_dict(self) -> dict[str, Any]:
        """Fields as values of JSON; without the role and the teacher of trials that have none."""
        values = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        for name in ("reference", "teacher"):
            if values[name] is None:
                del values[name]
        if self.teacher is not None:
            values["teacher"] = asdict(self.teacher)
        return {
            **values,
            "layout": str(self.layout),
            "config": self.config.model_dump(mode="json"),
            "counts": asdict(self.counts),
            "curve": [point.to_dict() for point in self.curve],
        }

    @classmethod
    def from_json(cls, line: str | bytes) -> TrialRecord:
        """Record from a line that ``json.dumps(record.to_dict())`` wrote.

        Settings that an older version did not know have their defaults.

        Raises:
            ValidationError: the line is no record that a study can hold.
        """
        return _RECORD.validate_json(line, strict=True)


def _with_possible_numbers(record: TrialRecord) -> TrialRecord:
    counts = record.counts
    numbers: list[float] = [counts.total, counts.learned, counts.stored, counts.encoder]
    numbers.append(record.peak_memory_bytes or 1)
    for point in record.curve:
        numbers += [point.updates, point.seconds, point.tokens, point.flops]
    if not all(0 < number < _MAX for number in numbers):
        raise ValueError("it has a clock or a count below 0 or too large")
    return record


_RECORD = TypeAdapter(Annotated[TrialRecord, AfterValidator(_with_possible_numbers)])
_MAX = 2.0**100
