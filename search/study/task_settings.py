"""Settings of a study that its task decides: whether there is a decoder, the smoothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from search.study.config import StudyConfig
from spaces.errors import UserError
from spaces.layout import NO_DECODER
from spaces.space import SearchSpace
from spaces.space_fields import DECODER_AXES
from trainable.tasks.task import Task

_AXES = ("decoder", *DECODER_AXES)  # of [space], all about the decoder
_OF_DECODERS = ("model.tied",)  # settings that concern decoders alone


def settled(config: StudyConfig, task: Task) -> StudyConfig:
    """``config`` with the task's own defaults in place of those that the file leaves out.

    Raises:
        UserError: it gives a decoder to a task that has none, or none to one that has.
    """
    space, train, search = config.space, config.train, config.search
    if task.has_decoder and (0 in space.decoder_depth or NO_DECODER in (space.decoder or ())):
        raise UserError(
            f"space: a decoder of depth 0: the task of {config.data}, {task.name}, has a decoder; "
            "give 1 or more"
        )
    if not task.has_decoder:
        _refuse_decoder(config, task)
        space = space.model_copy(update=_without_decoder())
    if "label_smoothing" not in train.model_fields_set:
        train = train.model_copy(update={"label_smoothing": task.label_smoothing})
    if train.init_from is not None:  # trials run in other folders
        train = train.model_copy(update={"init_from": str(Path(train.init_from).resolve())})
        # Model 0 and deletions are other encoders, which cannot start from it.
        search = search.model_copy(update={"references": False})
    if train.distill is not None:
        train = train.model_copy(update={"distill": str(Path(train.distill).resolve())})
    return config.model_copy(update={"space": space, "train": train, "search": search})


def _without_decoder() -> dict[str, Any]:
    """Values of the axes that give every candidate the layout ``NO_DECODER``."""
    defaults = {name: SearchSpace.model_fields[name].default for name in _AXES}
    return defaults | {"decoder_depth": (0,)}


def _refuse_decoder(config: StudyConfig, task: Task) -> None:
    space, values = config.space, _without_decoder()
    given = [
        f"space.{name}"
        for name in _AXES
        if name in space.model_fields_set and getattr(space, name) != values[name]
    ]
    given += [f"space.hyper {name}" for name in _OF_DECODERS if name in space.hyper]
    if given:
        raise UserError(
            f"{', '.join(given)}: the task of {config.data}, {task.name}, has no decoder; "
            "leave it out"
        )
