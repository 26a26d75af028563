"""``reservoir-search export``: a layout for use elsewhere."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from search.commands.options import StudyName, StudysDashboard, StudysFolderThere, both_or_none
from spaces.errors import UserError

if TYPE_CHECKING:
    from search.exports.exported import Exported
    from search.exports.register import Registered


def export(
    study: StudyName,
    trial: Annotated[
        int | None, typer.Option(min=0, help="Id of a trial; the best one if absent.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="New folder; export/ in the study's folder if absent, of a study on a cluster "
            "NAME-export here."
        ),
    ] = None,
    train: Annotated[
        bool,
        typer.Option(
            "--train",
            help="Train to the full budget first (full_budget; the trials' budget if absent).",
        ),
    ] = False,
    register: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Register the export in the study's MLflow store, as the next version of the "
            "model NAME; the trial's export is taken as it is, if it is there already.",
        ),
    ] = None,
    address: StudysDashboard = None,
    folder: StudysFolderThere = None,
) -> None:
    """Export a layout: weights, settings, a fairseq checkpoint and command, a model card."""
    place = both_or_none(address, folder)
    if place is not None:
        if register is not None:
            raise UserError(
                "--register --address: the export is registered there; give it to submit"
            )
        from search.cluster.fetch import fetch_export
        from search.study.console import say

        words = [*([] if trial is None else ["--trial", str(trial)]), *(["--train"] * train)]
        say(fetch_export(study, words, address=place[0], folder=place[1], out=out))
        return
    from search.exports.export import export_layout
    from search.study.folder import find_study

    if register is None:
        _tell(*export_layout(find_study(study), trial=trial, out=out, train=train))
        return
    from search.exports.register import register_export

    registered = register_export(
        find_study(study), name=register, trial=trial, out=out, train=train
    )
    if registered.exported is not None:
        _tell(registered.folder, registered.exported)
    _tell_model(registered)


def _tell(folder: Path, exported: Exported) -> None:
    from search.study.console import say

    say(f"exported trial {exported.record.id}, encoder {exported.config.model.encoder}: {folder}")
    say(
        f"{exported.task.metric.name} with {exported.task.final_decoding}: "
        f"{exported.valid.score:.2f} on the validation set, "
        f"{exported.test.score:.2f} on the test set"
    )
    say(f"  use it: {exported.task.use_commands(str(folder))[0]}")


def _tell_model(registered: Registered) -> None:
    from search.study.console import say
    from search.study.tracking_uri import redacted

    model = f"models:/{registered.name}/{registered.version}"
    store = redacted(registered.store)
    say(f"registered trial {registered.record.id}, {registered.folder}: {model} at {store}")
    say(
        f"  serve it: MLFLOW_TRACKING_URI={quote(store)} "
        f"mlflow models serve --model-uri {quote(model)} --env-manager local"
    )
