"""Sizes of the models of a space: whether a trial is the smallest, or the cheapest, of all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

from search.study.config import StudyConfig
from search.study.trial_record import TrialRecord
from search.study.winner_standing import Size, Sized
from search.suggest.bounds import Bounds
from spaces.axes import n_values, pick
from spaces.candidate import Candidate
from spaces.candidate_size import CandidateSize
from spaces.chooser import FixedChooser, Scalar, walk
from spaces.errors import UserError
from spaces.extremes import extreme_layouts
from trainable.config import TrialConfig
from trainable.model_size import SIZING, candidate_size, param_counts, training_flops_per_token
from trainable.objective import mparams
from trainable.tasks.registry import load_task

MAX_POINTS = 500  # of a space that is gone through whole; a point takes a millisecond or two
MAX_SETTINGS = 50  # combinations of settings that are gone through with the extreme layouts


def sized_in_space(config: StudyConfig, data: str, trial: TrialRecord) -> Sized | None:
    """Size of ``trial``, among sizes of which the least are those of the space.

    None where they are not known: the data are gone, or the space has too many points and its
    extreme layouts do not tell.

    Args:
        data: the study's prepared data.
    """
    try:
        sizes = [_as_counted(size, config) for size in _sizes(config, data)]
        own = candidate_size(trial.config.model_copy(update={"data": data}))
    except UserError:
        return None
    return Sized(own=_as_counted(own, config), others=sizes) if sizes else None


def _sizes(config: StudyConfig, data: str) -> Iterator[CandidateSize]:
    """Sizes with the least and the most of the space; none where they are not known."""
    # What forbids single candidates may forbid the extreme ones.
    is_whole = not config.space.where and config.objective.max_mparams is None
    hyper = _sizing_settings(config)
    if is_whole and hyper is not None:
        return _extreme_sizes(config, data, hyper)
    n_points = config.space.n_points()
    is_small = n_points is not None and n_points <= MAX_POINTS
    return _all_sizes(config, data) if is_small else iter(())


def _as_counted(size: CandidateSize, config: StudyConfig) -> Size:
    n_mparams = mparams(size.counts, config.objective.parameters)
    return Size(n_mparams=n_mparams, flops=size.training_flops)


def _all_sizes(config: StudyConfig, data: str) -> Iterator[CandidateSize]:
    """Sizes of all candidates within the bounds."""
    bounds = Bounds(config, data=data, size=candidate_size)
    points = map(FixedChooser, config.space.points())
    candidates = {each.key: each for each in map(config.space.choose, points)}
    for candidate in candidates.values():
        size = bounds.size_of(candidate)
        if size is not None:
            yield size


def _sizing_settings(config: StudyConfig) -> list[dict[str, Scalar]] | None:
    """All combinations of the searched settings that change sizes; None where they are many."""
    axes = {name: axis for name, axis in config.space.hyper.items() if name in SIZING}
    numbers = [n_values(axis) for axis in axes.values()]
    if None in numbers or prod(n or 1 for n in numbers) > MAX_SETTINGS:
        return None
    combinations = walk(
        lambda chooser: {name: pick(chooser, name, axis) for name, axis in axes.items()}
    )
    return [settings for _, settings in combinations]


def _extreme_sizes(
    config: StudyConfig, data: str, hyper: Sequence[dict[str, Scalar]]
) -> Iterator[CandidateSize]:
    """Sizes of the extreme layouts, with each of the settings ``hyper``."""
    task = load_task(data)
    layouts = list(extreme_layouts(config.space))
    trials = [_trial(config, data, settings) for settings in hyper]
    for trial in (trial for trial in trials if trial is not None):
        for encoder, decoder in layouts:
            model = trial.model.model_copy(update={"encoder": encoder, "decoder": decoder})
            yield CandidateSize(
                counts=param_counts(model, task),
                training_flops=training_flops_per_token(model, trial.train, task),
            )


def _trial(config: StudyConfig, data: str, hyper: dict[str, Scalar]) -> TrialConfig | None:
    """A trial with these settings; None if they do not fit each other."""
    encoder, decoder = next(extreme_layouts(config.space))
    candidate = Candidate(encoder=encoder, decoder=decoder, reservoir_gain=1.0, hyper=hyper)
    try:
        return config.trial(candidate, data=data)
    except UserError:
        return None
