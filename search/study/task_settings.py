"""Settings of a study that its task decides: whether there is a decoder, the smoothing."""

from __future__ import annotations

from pathlib import Path

from search.study.config import StudyConfig
from spaces.errors import UserError
from trainable.tasks.task import Task

_NO_DECODER = {"decoder_depth": (0,), "decoder_reservoirs": (0,)}
_OF_DECODERS = ("model.tied",)  # settings that concern decoders alone


def settled(config: StudyConfig, task: Task) -> StudyConfig:
    """``config`` with the task's own defaults in place of those that the file leaves out.

    Raises:
        UserError: it gives a decoder to a task that has none, or none to one that has.
    """
    space, train = config.space, config.train
    if task.has_decoder and 0 in space.decoder_depth:
        raise UserError(
            f"space.decoder_depth 0: the task of {config.data}, {task.name}, has a decoder; "
            "give 1 or more"
        )
    if not task.has_decoder:
        _refuse_decoder(config, task)
        space = space.model_copy(update=_NO_DECODER)
    if "label_smoothing" not in train.model_fields_set:
        train = train.model_copy(update={"label_smoothing": task.label_smoothing})
    if train.init_from is not None:  # trials run in other folders
        train = train.model_copy(update={"init_from": str(Path(train.init_from).resolve())})
    return config.model_copy(update={"space": space, "train": train})


def _refuse_decoder(config: StudyConfig, task: Task) -> None:
    space = config.space
    given = [
        f"space.{name}"
        for name, value in _NO_DECODER.items()
        if name in space.model_fields_set and getattr(space, name) != value
    ]
    given += [f"space.hyper {name}" for name in _OF_DECODERS if name in space.hyper]
    if given:
        raise UserError(
            f"{', '.join(given)}: the task of {config.data}, {task.name}, has no decoder; "
            "leave it out"
        )
