"""Outline of a study file: its space, its trials and its data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from search.costs.study_sizes import sized_trials
from search.study.config import StudyConfig
from search.study.learning_warnings import learning_warnings
from search.study.references import model0_candidates
from search.study.task_settings import settled
from search.suggest.algorithms import check_algorithm
from spaces.extremes import extreme_layouts
from spaces.space import SpaceSize
from trainable.data.manifest import Manifest
from trainable.rehearsal import batch_warnings
from trainable.tasks.registry import load_task, load_vocabulary


def outline(config: StudyConfig, file: Path) -> Iterator[str]:
    """Lines on the study: its space, its trials, its data.

    Raises:
        UserError: the algorithm cannot search this space, the task has no such decoder, or the data
            are damaged.
    """
    check_algorithm(config)
    if Path(config.data).is_dir():
        config = settled(config, load_vocabulary(config.data))
    yield f"{file}: every setting is right"
    yield f"  study:   {config.name}, {_objective(config)}"
    size = config.space.size()  # it goes through the space's layouts
    yield f"  space:   {_space(config, size)}"
    yield f"  trials:  {_trials(config, size)}"
    yield f"  data:    {_data(Path(config.data))}"
    for warning in (*learning_warnings(config), *_batch_warnings(config)):
        yield f"  mind:    {warning}"


def _batch_warnings(config: StudyConfig) -> list[str]:
    """Examples that the smallest batch leaves out, where the data are there."""
    if not Path(config.data).is_dir():
        return []
    task = load_task(config.data)
    smallest = min(
        (trial.train for trial in sized_trials(config, config.data)),
        key=lambda train: train.batch_tokens,
        default=config.train,
    )
    return batch_warnings(task, smallest)


def _objective(config: StudyConfig) -> str:
    objective = config.objective
    return f"{objective.name} over {objective.clock}, {objective.parameters} parameters"


def _space(config: StudyConfig, size: SpaceSize | None) -> str:
    is_infinite = config.space.continuous_axes()
    uncounted = "infinitely many candidates" if is_infinite else "too many candidates to count"
    number = uncounted if size is None else str(size)
    encoders = [encoder for encoder, _ in extreme_layouts(config.space)]
    shallowest, deepest = (pick(encoders, key=lambda e: e.depth) for pick in (min, max))
    depths = {shallowest.depth, deepest.depth}
    return f"{number}, encoders of {' to '.join(str(depth) for depth in sorted(depths))} layers"


def _trials(config: StudyConfig, size: SpaceSize | None) -> str:
    search, name = config.search, config.scheduler.name
    n_trials = search.n_trials if size is None else min(search.n_trials, size.n_candidates)
    limits = [f"{value:g} {unit}" for unit, value in config.budget if value is not None]
    text = f"{n_trials} suggested by {search.algorithm}, of {' or '.join(limits)} each"
    n_references = len(model0_candidates(config)) + 1
    beside = f"; beside them {n_references} to compare with" if search.references else ""
    if name == "none":
        return f"{text}, none stopped early{beside}"
    since = f"{config.scheduler_grace:g} {config.scheduler_clock}"
    return f"{text}, stopped early by {name} from {since}{beside}"


def _data(folder: Path) -> str:
    if not folder.exists():
        return f"{folder} is not there yet; see reservoir-search data --help"
    manifest = Manifest.load(folder)
    return f"{folder}, {manifest.subject}"
