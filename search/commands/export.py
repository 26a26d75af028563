"""``reservoir-search export``: a layout for use elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from search.commands.options import StudyName


def export(
    study: StudyName,
    trial: Annotated[
        int | None, typer.Option(min=0, help="Id of a trial; the best one if absent.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="New folder; export/ in the study's folder if absent.")
    ] = None,
    train: Annotated[
        bool,
        typer.Option(
            "--train",
            help="Train to the full budget first (full_budget; the trials' budget if absent).",
        ),
    ] = False,
) -> None:
    """Export a layout: weights, settings, a fairseq checkpoint and command, a model card."""
    from search.exports.export import export_layout
    from search.study.console import say
    from search.study.folder import find_study

    folder, exported = export_layout(find_study(study), trial=trial, out=out, train=train)
    say(f"exported trial {exported.record.id}, encoder {exported.config.model.encoder}: {folder}")
    say(
        f"{exported.task.metric.name} with {exported.task.final_decoding}: "
        f"{exported.valid.score:.2f} on the validation set, "
        f"{exported.test.score:.2f} on the test set"
    )
    say(f"  use it: {exported.task.use_commands(str(folder))[0]}")
