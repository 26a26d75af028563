"""Subject of a measurement: an export, trained and untrained, or a layout, untrained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairseq.models import BaseFairseqModel

from search.exports.translate import open_export
from spaces.errors import UserError
from spaces.layout import Layout, LayoutError
from spaces.presets import PAPER_SIZES, resolve_layout
from trainable.config import ModelConfig
from trainable.tasks.registry import load_task
from trainable.tasks.task import Task

# Defaults of a layout's options: the paper's sizes, as in `reservoir-search layout`, and the
# reservoirs and the seed of a study that sets none.
DEFAULTS: Mapping[str, Any] = {
    "seed": 1,
    **{name: getattr(PAPER_SIZES, name) for name in ("d_model", "ffn", "heads", "norm")},
    **ModelConfig().model_dump(include={"reservoir_gain", "reservoir_draw", "reservoir_density"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One encoder, in one or two states, and the data to measure it on."""

    name: str  # folder or layout as the user gave it
    config: ModelConfig
    seed: int
    task: Task
    models: Mapping[str, BaseFairseqModel]  # "trained" and "untrained", or the latter alone


def open_subject(text: str, *, data: Path | None, options: Mapping[str, Any]) -> Subject:
    """Subject of the export in the folder ``text``, or of the layout ``text``.

    Args:
        data: a prepared folder, which a layout needs; an export's training data if absent.
        options: values for the names in ``DEFAULTS``, None where not given; only for a layout.

    Raises:
        UserError: ``text`` is neither, or data or options do not fit it.
    """
    given = {name: value for name, value in options.items() if value is not None}
    if Path(text).is_dir():
        return _of_export(Path(text), data, given)
    encoder = _encoder(text)
    if data is None:
        raise UserError(
            f"{text}: a layout has no sentences of its own; "
            "give --data FOLDER, as made by: reservoir-search data"
        )
    return _of_layout(text, encoder, data, {**DEFAULTS, **given})


def _encoder(text: str) -> Layout:
    try:
        return resolve_layout(text)
    except LayoutError as error:
        if "/" in text:
            raise UserError(
                f"{text}: there is no such folder, and no layout of that name"
            ) from None
        raise UserError(f"{error}; to measure an export, give its folder") from error


def _of_export(folder: Path, data: Path | None, given: Mapping[str, Any]) -> Subject:
    if given:
        option = next(iter(given)).replace("_", "-")
        raise UserError(f"--{option}: {folder} is an export and has its own; leave it out")
    export = open_export(folder)
    task = load_task(export.config.data if data is None else str(data))
    if not task.has_inputs_of(export.task):
        raise UserError(
            f"{task.folder}: its source dictionary is not that of {folder}; "
            "give with --data the folder that it was trained on"
        )
    untrained = task.build_model(export.config.model, seed=export.config.seed)
    return Subject(
        name=str(folder),
        config=export.config.model,
        seed=export.config.seed,
        task=task,
        models={"trained": export.model, "untrained": untrained},
    )


def _of_layout(text: str, encoder: Layout, data: Path, options: Mapping[str, Any]) -> Subject:
    if not options["reservoir_gain"] > 0:
        raise UserError(f"--reservoir-gain {options['reservoir_gain']}: must be positive")
    if not 0 < options["reservoir_density"] <= 1:
        raise UserError(f"--reservoir-density {options['reservoir_density']}: must be 0 to 1")
    task = load_task(str(data))
    sizes = {name: options[name] for name in ("d_model", "ffn", "heads", "norm")}
    sizes["tied"] = PAPER_SIZES.tied
    # Raises a UserError for sizes that do not fit.
    task.dimensions(ModelConfig.model_construct(**sizes))
    config = ModelConfig(
        encoder=encoder,
        decoder=Layout.parse("L"),  # part of the model, but not measured
        **{name: options[name] for name in options if name.startswith("reservoir_")},
        **sizes,
    )
    return Subject(
        name=text,
        config=config,
        seed=options["seed"],
        task=task,
        models={"untrained": task.build_model(config, seed=options["seed"])},
    )
