"""Sizes of a study's models, computed before any is built."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from search.study.bounds import is_within, size_excess
from search.study.config import StudyConfig
from spaces.axes import Range
from spaces.candidate import Candidate
from spaces.chooser import Scalar
from spaces.counts import ParamCounts
from spaces.dimensions import Dimensions
from spaces.errors import UserError
from spaces.extremes import extreme_layouts
from spaces.layout import Layout
from trainable.config import TrialConfig
from trainable.model_size import SIZING, savings
from trainable.objective import mparams
from trainable.tasks.task import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSize:
    """Costs of one model of the study."""

    trial: TrialConfig  # a trial that has such a model
    counts: ParamCounts
    n_layers: int  # depth of encoder and decoder together
    n_words: int  # of the target dictionary
    training_flops: float  # for each token of the targets


def study_sizes(config: StudyConfig, task: Task) -> list[ModelSize]:
    """A model for each size that the space has; those over ``max_mparams`` are left out.

    Raises:
        UserError: no model of the space can be built on the data.
    """
    sizes: list[ModelSize] = []
    faults: list[UserError] = []
    for trial in sized_trials(config, str(task.folder)):
        try:
            dims = task.dimensions(trial.model)
        except UserError as error:
            faults.append(error)
            continue
        sizes += [
            _size(trial, encoder, decoder, dims, task)
            for encoder, decoder in extreme_layouts(config.space)
        ]
    if not sizes and faults:
        raise faults[0]
    objective = config.objective
    within = [
        size
        for size in sizes
        if is_within(size_excess(objective, mparams(size.counts, objective.parameters)))
    ]
    return within or sizes  # if none is within the bounds, the search itself reports it


def middle_size(sizes: Sequence[ModelSize]) -> ModelSize:
    """The median of ``sizes`` by the cost of their training."""
    return sorted(sizes, key=lambda size: size.training_flops)[len(sizes) // 2]


def candidate_sizes(
    config: StudyConfig, candidates: Sequence[Candidate], task: Task
) -> list[ModelSize]:
    """Sizes of ``candidates`` with the settings of the study.

    Raises:
        UserError: a candidate cannot be built on the data.
    """
    sizes = []
    for candidate in candidates:
        trial = config.trial(candidate, data=str(task.folder))
        dims = task.dimensions(trial.model)
        sizes.append(_size(trial, candidate.encoder, candidate.decoder, dims, task))
    return sizes


def sized_trials(config: StudyConfig, data: str) -> Iterator[TrialConfig]:
    """A trial for each combination of the ends of the axes that change a model's size."""
    encoder, decoder = next(extreme_layouts(config.space))
    axes = {name: _ends(axis) for name, axis in config.space.hyper.items() if name in SIZING}
    ends = [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]
    allowed = [hyper for hyper in ends if config.space.allows_settings(hyper)]
    for hyper in allowed or ends:  # where may allow no two ends together
        candidate = Candidate(encoder=encoder, decoder=decoder, reservoir_gain=1.0, hyper=hyper)
        try:
            yield config.trial(candidate, data=data)
        except UserError:
            continue  # settings that contradict each other are never trained


def _ends(axis: Range | Sequence[Scalar]) -> Sequence[Scalar]:
    if isinstance(axis, Range):
        return (axis.low, axis.high)
    if any(isinstance(value, str) for value in axis):
        return axis
    return sorted({min(axis), max(axis)})


def _size(
    trial: TrialConfig, encoder: Layout, decoder: Layout, dims: Dimensions, task: Task
) -> ModelSize:
    flops = task.flops_per_token(encoder, decoder, dims, savings(trial.model, trial.train))
    model = trial.model.model_copy(update={"encoder": encoder, "decoder": decoder})
    return ModelSize(
        trial=trial.model_copy(update={"model": model}),
        counts=task.count_params(encoder, decoder, dims),
        n_layers=encoder.depth + decoder.depth,
        n_words=dims.tgt_rows,
        training_flops=flops.training,
    )
