"""Registry of tasks; each is imported when it is needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spaces.errors import UserError
from trainable.data.manifest import Manifest
from trainable.data.metric import metric_of_data

if TYPE_CHECKING:
    from trainable.metrics.metric import Metric
    from trainable.tasks.task import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """Import paths of a task and of its metric, ``module:name``.

    The metric has a path of its own, so that a table of scores needs no torch.
    """

    task: str
    metric: str


TASKS: Mapping[str, Registered] = {
    "translation": Registered(
        task="trainable.tasks.translation:Translation", metric="trainable.metrics.bleu:BLEU"
    ),
    "classification": Registered(
        task="trainable.tasks.classification:Classification",
        metric="trainable.metrics.accuracy:ACCURACY",
    ),
    "summarisation": Registered(
        task="trainable.tasks.summarisation:Summarisation",
        metric="trainable.metrics.rouge:ROUGE_L",
    ),
    "masked_lm": Registered(
        task="trainable.tasks.masked_lm:MaskedLM",
        metric="trainable.metrics.bits_saved:BITS_SAVED",
    ),
}


@lru_cache(maxsize=2)  # trials of one study share a process and their data
def load_task(folder: str) -> Task:
    """The task in a folder that ``reservoir-search data`` prepared.

    Raises:
        UserError: the folder holds no prepared data, or a part of them.
    """
    task = load_vocabulary(folder)
    task.manifest.check_files(task.folder)
    return task


def load_vocabulary(folder: str) -> Task:
    """The task of a prepared folder or an export, for models alone: no splits.

    Raises:
        UserError: the folder holds no manifest, or dictionaries that are none.
    """
    task: Task = _imported(_registered(folder).task).open(folder)
    return task


def metric_of(folder: str) -> Metric:
    """The metric of a prepared folder's task.

    Raises:
        UserError: the folder holds no manifest of a task that is known.
    """
    metric: Metric = _imported(_registered(folder).metric)
    manifest = Manifest.load(Path(folder))
    return metric if manifest.metric is None else metric_of_data(manifest)


def metric_called(name: str) -> Metric | None:
    """The metric that people write as ``name``."""
    metrics: list[Metric] = [_imported(entry.metric) for entry in TASKS.values()]
    return next((metric for metric in metrics if metric.name == name), None)


def task_called(name: str) -> type[Task]:
    """The task that manifests and layout files call ``name``.

    Raises:
        UserError: there is none.
    """
    if name not in TASKS:
        raise UserError(f"task {name!r}: is not known; there are {', '.join(TASKS)}")
    task: type[Task] = _imported(TASKS[name].task)
    return task


def _registered(folder: str) -> Registered:
    name = Manifest.load(Path(folder)).task
    if name not in TASKS:
        raise UserError(
            f"{folder}: was prepared for the task {name!r}, and there are {', '.join(TASKS)}; "
            "use a later version, or prepare other data"
        )
    return TASKS[name]


def _imported(place: str) -> Any:
    module, name = place.split(":")
    return getattr(import_module(module), name)
