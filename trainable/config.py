"""Settings of one trial with their defaults; study files override the defaults.

Every section is strict and frozen: an unknown key, a wrong type or a value out of
range is a fault, and pydantic reports all faults at once.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from spaces.dimensions import MAX_SRC_POSITIONS, Attention, AttentionWay, ProjectionSharing
from spaces.faults import refuse
from spaces.flops import Backward
from spaces.layout import Layout
from spaces.layout_fields import DecoderLayout, EncoderLayout
from trainable.objective_text import ObjectiveText, QuantityText
from trainable.quantities import Goal, goal_of

# Distributions of a reservoir's weights; "fairseq" is the learned layers' initialisation.
ReservoirDraw = Literal["xavier", "fairseq", "orthogonal", "sparse"]
Clock = Literal["updates", "seconds", "tokens", "flops"]
CLOCKS: tuple[Clock, ...] = ("updates", "seconds", "tokens", "flops")

Parameters = Literal["total", "learned", "stored", "encoder"]
Fraction = Annotated[float, Field(ge=0.0, lt=1.0)]
PositiveInt = Annotated[int, Field(gt=0, lt=2**63)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]  # NumPy's generators take no more than 32 bits
PositiveFloat = Annotated[float, Field(gt=0.0)]


class Section(BaseModel):
    """A table of a study file: strict, frozen, no unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class ModelConfig(Section):
    """Settings of the model: layouts, dimensions, norms, dropout, reservoirs."""

    encoder: EncoderLayout = Layout.parse("LLLL")
    decoder: DecoderLayout = Layout.parse("LL")
    d_model: PositiveInt = 128
    embedding_dim: PositiveInt | None = None  # factorised embeddings; d_model if absent
    ffn: PositiveInt = 256
    heads: PositiveInt = 4
    norm: Literal["pre", "post"] = "pre"
    tied: Literal["none", "decoder", "all"] = "decoder"
    dropout: Fraction = 0.1
    attention_dropout: Fraction = 0.0
    attention: AttentionWay = "softmax"  # of the encoder's Transformer layers
    attention_features: Annotated[int, Field(gt=0, le=4096)] = 64  # of each head of a Performer
    attention_length: Annotated[int, Field(gt=0, le=MAX_SRC_POSITIONS)] = 32  # Linformer's
    attention_sharing: ProjectionSharing = "none"  # Linformer's projections: one for all layers?
    activation_dropout: Fraction = 0.0
    reservoir_gain: PositiveFloat = 1.0
    reservoir_draw: ReservoirDraw = "xavier"
    reservoir_density: Annotated[float, Field(gt=0.0, le=1.0)] = 0.1  # for reservoir_draw "sparse"
    reservoir_backward: Backward = "through"  # "around" is backskipping
    reservoir_dropout: Literal["off", "on"] = (
        "off"  # "on": a reservoir drops as a learned layer does
    )

    @property
    def attention_sizes(self) -> Attention:
        """Self-attention of the encoder, for counts and FLOPs."""
        return Attention(
            way=self.attention,
            n_features=self.attention_features,
            length=self.attention_length,
            sharing=self.attention_sharing,
        )

    @model_validator(mode="after")
    def _dimensions_agree(self) -> Self:
        faults = []
        if self.embedding_dim is not None and self.embedding_dim > self.d_model:
            faults.append(
                f"embedding_dim {self.embedding_dim} must be at most d_model {self.d_model}"
            )
        if self.d_model % (2 * self.heads):
            faults.append(
                f"d_model {self.d_model} must be a multiple of 2 x heads = {2 * self.heads}"
            )
        refuse(faults)
        return self


class TrainConfig(Section):
    """Settings of training by Adam (0.9, 0.98) with an inverse square root schedule."""

    lr: PositiveFloat = 3e-3
    warmup_updates: PositiveInt = 400
    label_smoothing: Fraction = 0.1
    batch_tokens: PositiveInt = 2048  # tokens of one update over all ranks, padding included
    accumulate: PositiveInt = 1  # forward passes per update and rank
    clip_norm: PositiveFloat | None = Field(  # "none" in a study file, for TOML has no null
        default=1.0, description='a number above 0, or "none"'
    )
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.0
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    layer_drop: Fraction = 0.0  # LayerDrop: probability that an update drops an encoder layer
    auto_freeze: Fraction = 0.0  # gradient-change quantile below which a layer freezes
    init_from: str | None = None  # folder of an export whose encoder the training starts from
    distill: str | None = None  # folder of an export that teaches, word by word
    distill_weight: Annotated[float, Field(gt=0.0, le=1.0)] = 0.5  # its share of the loss

    @field_validator(
        "clip_norm", mode="before", json_schema_input_type=PositiveFloat | Literal["none"]
    )
    @classmethod
    def _none_is_written_out(cls, value: object) -> object:
        return None if value == "none" else value


class ValidationConfig(Section):
    """Interval, sentences and decoding of the validation."""

    interval_updates: PositiveInt = 250
    n_sentences: PositiveInt | None = None  # a fixed subset, the same for all seeds; all if absent
    split: Literal["valid", "test"] = "valid"  # the paper uses the test set: reproduce --by-test
    beam: PositiveInt = 1
    dynamics: bool = False  # measure the encoder's dynamics too, on a few sentences


class Budget(Section):
    """Limits of one trial; the first that is reached ends it."""

    updates: PositiveInt | None = None
    seconds: PositiveFloat | None = None  # training only, validation excluded
    tokens: PositiveInt | None = None  # of the targets, end of sentence included
    flops: PositiveFloat | None = None

    @model_validator(mode="after")
    def _something_ends_a_trial(self) -> Self:
        if all(getattr(self, clock) is None for clock in CLOCKS):
            raise ValueError("nothing would end a trial; give updates, seconds, tokens or flops")
        return self

    def on(self, clock: Clock) -> float | None:
        """Limit on ``clock`` in its unit; None if there is none."""
        value: float | None = getattr(self, clock)
        return value

    def horizon(self, clock: Clock) -> float:
        """Limit on the objective's ``clock``, which a study or trial always has."""
        horizon = self.on(clock)
        assert horizon is not None
        return horizon


class RanksConfig(Section):
    """Number of processes of one trial, and the CPUs and GPUs of each."""

    n_ranks: PositiveInt = 1
    cpus_per_rank: PositiveInt = 1
    gpus_per_rank: Annotated[float, Field(ge=0.0)] = 0.0  # a fraction shares a GPU among trials

    @field_validator("gpus_per_rank")
    @classmethod
    def _gpus_are_whole_or_shared(cls, n_gpus: float) -> float:
        if n_gpus > 1 and not n_gpus.is_integer():
            raise ValueError("a rank takes whole GPUs or a share of one")
        return n_gpus

    @model_validator(mode="after")
    def _ranks_do_not_share_a_gpu(self) -> Self:
        if self.n_ranks > 1 and 0 < self.gpus_per_rank < 1:
            raise ValueError(
                f"gpus_per_rank {self.gpus_per_rank} with {self.n_ranks} ranks: "
                "NCCL needs a GPU for each rank; give 1, or one rank a trial"
            )
        return self


_SHARE = re.compile(r"\d{1,3}(\.\d{1,9})?% of model0")


def _read_min_score(value: object) -> float | str:
    if isinstance(value, str) and _SHARE.fullmatch(value):
        return value
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and 0 <= value <= 100:  # type: ignore[operator]
        return float(value)  # type: ignore[arg-type]
    raise ValueError(
        'must be a number from 0 to 100, or a part of Model 0\'s score as "95% of model0"'
    )


# One validator for both forms: a union would tell of each what is wrong with it.
MinScore = Annotated[
    float | str,
    PlainValidator(_read_min_score),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": 100},
                {"type": "string", "pattern": f"^{_SHARE.pattern}$"},
            ]
        }
    ),
]


AREAS = ("aucc_per_mparam", "aucc")  # objectives of the AUCC


class ObjectiveConfig(Section):
    """Objective of a search: AUCC per million parameters, another quantity, or a front."""

    name: ObjectiveText = "aucc_per_mparam"
    clock: Clock = "updates"
    parameters: Parameters = "total"
    at: PositiveFloat | None = None  # reading of the clock for score_at
    of: Annotated[  # objectives of "pareto"; not strict, as a trial's settings travel as JSON
        tuple[QuantityText, ...], Field(strict=False)
    ] = ()
    min_score: MinScore | None = Field(
        default=None, validation_alias=AliasChoices("min_score", "min_bleu")
    )  # the second name is that of earlier versions, which knew translation alone
    max_mparams: PositiveFloat | None = None

    @model_validator(mode="after")
    def _keys_agree(self) -> Self:
        faults = []
        if self.of and self.name != "pareto":
            faults.append(f"of is for name 'pareto', and name is '{self.name}'; leave it out")
        if len(set(self.of)) < len(self.of):
            faults.append("of names an objective twice; give two or three different ones")
        elif self.of and len(self.of) not in (2, 3):
            faults.append("of: a front has two or three objectives; give two or three")
        needs_time = any("score_at" in goal.names for goal in self.goals)
        if needs_time and self.at is None:
            faults.append(f"at is missing: score_at is the score at that many {self.clock}")
        if self.at is not None and not needs_time:
            faults.append("at is for score_at, which no objective uses; leave it out")
        refuse(faults)
        return self

    @property
    def is_pareto(self) -> bool:
        """True if there are several objectives."""
        return self.name == "pareto"

    @property
    def is_of_aucc(self) -> bool:
        """True for the AUCC, also per parameter: what a forecast of the area tells."""
        return self.name in AREAS

    @property
    def goals(self) -> tuple[Goal, ...]:
        """The objective, or the objectives of a front: by default AUCC and parameters."""
        match self.name:
            case "aucc_per_mparam":
                return (Goal(text=f"aucc / mparams_{self.parameters}"),)
            case "pareto":
                texts = self.of or ("aucc", f"mparams_{self.parameters}")
                return tuple(goal_of(text) for text in texts)
        return (goal_of(self.name),)

    @property
    def falls(self) -> bool:
        """True if a lower objective is better."""
        return self.goals[0].falls

    def gain(self, value: float | None) -> float:
        """Objective with the sign by which higher is better; minus infinity for None."""
        return float("-inf") if value is None else self.goals[0].gain(value)

    @property
    def reading(self) -> float:
        """Reading of the clock at which ``score_at`` is, where an objective uses it."""
        assert self.at is not None
        return self.at

    @property
    def share_of_model0(self) -> float | None:
        """The part of Model 0's score that ``min_score`` asks for; None if it asks for none."""
        if not isinstance(self.min_score, str):
            return None
        return float(self.min_score.partition("%")[0]) / 100


class TrialConfig(Section):
    """Settings of one trial: a candidate with a seed; equal settings give equal trials."""

    data: str  # a prepared data folder
    seed: Seed = 1
    model: ModelConfig = ModelConfig()
    train: TrainConfig = TrainConfig()
    validation: ValidationConfig = ValidationConfig()
    budget: Budget
    ranks: RanksConfig = RanksConfig()
    objective: ObjectiveConfig = ObjectiveConfig()

    @model_validator(mode="after")
    def _objective_has_a_horizon(self) -> Self:
        if self.budget.on(self.objective.clock) is None:
            raise ValueError(
                f"objective.clock is '{self.objective.clock}', so budget.{self.objective.clock} "
                "must be given: it is the horizon of the area"
            )
        return self

    def setting(self, name: str) -> bool | int | float | str | None:
        """Value of the model's or training's setting ``name``, as ``train.lr``."""
        table, _, field = name.partition(".")
        value: bool | int | float | str | None = getattr(getattr(self, table), field)
        return value

    @property
    def horizon(self) -> float:
        """End of the area under the curve, in units of the objective's clock."""
        return self.budget.horizon(self.objective.clock)
