"""How large the models of a study are or can be, before any is built."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from search.study.bounds import is_within, size_excess
from search.study.config import StudyConfig
from spaces.axes import Range
from spaces.candidate import Candidate
from spaces.chooser import Scalar
from spaces.counts import ParamCounts, count_params
from spaces.dimensions import Dimensions
from spaces.errors import UserError
from spaces.extremes import extreme_layouts
from spaces.flops import flops_per_token
from spaces.layout import Layout
from trainable.config import ModelConfig, TrainConfig, TrialConfig
from trainable.corpus import Corpus
from trainable.model_size import dimensions, savings
from trainable.objective import mparams

# The settings of [space.hyper] that change how large a model or an update is.
_SIZING = (
    *("model.d_model", "model.ffn", "model.heads", "model.norm", "model.tied"),
    *("model.embedding_dim", "model.reservoir_backward"),
    *("train.batch_tokens", "train.accumulate", "train.layer_drop"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSize:
    """What one model of the study costs."""

    model: ModelConfig
    train: TrainConfig
    counts: ParamCounts
    n_layers: int  # of encoder and decoder
    n_words: int  # of the target dictionary
    training_flops: float  # for each target token


def study_sizes(config: StudyConfig, corpus: Corpus) -> list[ModelSize]:
    """A model for each size that the space has; those over ``max_mparams`` are left out.

    Raises:
        UserError: no model of the space can be built on the corpus.
    """
    sizes: list[ModelSize] = []
    faults: list[UserError] = []
    for trial in _sized_trials(config, corpus):
        try:
            dims = dimensions(trial.model, corpus)
        except UserError as error:
            faults.append(error)
            continue
        sizes += [
            _size(trial, encoder, decoder, dims, corpus)
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
    return within or sizes  # where none is, the search says so itself


def candidate_sizes(
    config: StudyConfig, candidates: Sequence[Candidate], corpus: Corpus
) -> list[ModelSize]:
    """The sizes of ``candidates``, with the settings of the study around them.

    Raises:
        UserError: one of them cannot be built on the corpus.
    """
    sizes = []
    for candidate in candidates:
        trial = config.trial(candidate, data=str(corpus.folder))
        dims = dimensions(trial.model, corpus)
        sizes.append(_size(trial, candidate.encoder, candidate.decoder, dims, corpus))
    return sizes


def _sized_trials(config: StudyConfig, corpus: Corpus) -> Iterator[TrialConfig]:
    """A trial for each combination of the ends of the axes that change a model's size."""
    encoder, decoder = next(extreme_layouts(config.space))
    axes = {name: _ends(axis) for name, axis in config.space.hyper.items() if name in _SIZING}
    for values in product(*axes.values()):
        candidate = Candidate(
            encoder=encoder,
            decoder=decoder,
            reservoir_gain=1.0,
            hyper=dict(zip(axes, values, strict=True)),
        )
        try:
            yield config.trial(candidate, data=str(corpus.folder))
        except UserError:
            continue  # settings that don't fit each other are not trained


def _ends(axis: Range | Sequence[Scalar]) -> Sequence[Scalar]:
    if isinstance(axis, Range):
        return (axis.low, axis.high)
    if any(isinstance(value, str) for value in axis):
        return axis
    return sorted({min(axis), max(axis)})


def _size(
    trial: TrialConfig, encoder: Layout, decoder: Layout, dims: Dimensions, corpus: Corpus
) -> ModelSize:
    dataset = corpus.split("train")
    flops = flops_per_token(
        encoder,
        decoder,
        dims,
        src_length=float(dataset.src_sizes.mean()),
        tgt_length=float(dataset.tgt_sizes.mean()),
        savings=savings(trial.model, trial.train),
    )
    return ModelSize(
        model=trial.model,
        train=trial.train,
        counts=count_params(encoder, decoder, dims),
        n_layers=encoder.depth + decoder.depth,
        n_words=dims.tgt_rows,
        training_flops=flops.training,
    )
