"""An export's ``layout.toml``: the whole model except its learned weights."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from fairseq.models import BaseFairseqModel
from pydantic import Field, ValidationError

from spaces.errors import UserError
from spaces.faults import faults_of
from trainable.config import ModelConfig, PositiveInt, Seed
from trainable.data.bounded import read_values, toml_values
from trainable.model_size import param_counts
from trainable.tasks.registry import task_called
from trainable.tasks.task import Task

LAYOUT = "layout.toml"

Rows = Annotated[int, Field(ge=4, lt=2**22)]  # rows of a dictionary with its four special symbols
Outputs = Annotated[int, Field(ge=2, lt=2**22)]  # rows of the target dictionary, or labels


class ExportedModel(ModelConfig):
    """The settings of a model, the seed of its reservoirs and the sizes that its data gave it."""

    task: str = "translation"  # absent in files of earlier versions
    reservoir_seed: Seed
    src_rows: Rows
    tgt_rows: Outputs
    n_params_total: PositiveInt
    n_params_learned: PositiveInt
    n_params_stored: PositiveInt
    n_params_encoder: PositiveInt

    @property
    def config(self) -> ModelConfig:
        """Settings of the model, without seed, rows and counts."""
        return ModelConfig.model_validate_json(
            self.model_dump_json(include=set(ModelConfig.model_fields))
        )

    def build(self) -> BaseFairseqModel:
        """The model with its reservoirs, its learned weights at their start.

        Its dictionaries have the sizes of the export's, filled with placeholder words.

        Raises:
            UserError: the two dictionaries cannot be tied, or the task is not known.
        """
        return task_called(self.task).build_of_sizes(
            self.config,
            src_rows=self.src_rows,
            tgt_rows=self.tgt_rows,
            seed=self.reservoir_seed,
        )


def layout_toml(config: ModelConfig, *, seed: int, task: Task) -> str:
    """The text of ``layout.toml``; settings that are absent (None) are left out."""
    dims = task.dimensions(config)
    values = {
        **config.model_dump(mode="json", exclude_none=True),
        "task": task.name,
        "reservoir_seed": seed,
        "src_rows": dims.src_rows,
        "tgt_rows": dims.tgt_rows,
        **{f"n_params_{of}": n for of, n in asdict(param_counts(config, task)).items()},
    }
    # A JSON text, number or truth value is one of TOML too.
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())


def read_layout_toml(path: Path) -> ExportedModel:
    """The model that a ``layout.toml`` describes.

    Raises:
        UserError: the file is absent, broken, or of an earlier version, which left out what
            the number of parameters depends on.
    """
    try:
        text = json.dumps(toml_values(read_values(path).decode()), default=str)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; give an export's {LAYOUT}") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not TOML: {error}; export it again") from error
    try:
        return ExportedModel.model_validate_json(text)
    except ValidationError as error:
        faults = faults_of(error, str(path), ExportedModel).split("\n")
        raise UserError("\n".join(f"{fault}; or export it again" for fault in faults)) from error
