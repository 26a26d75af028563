"""``data distill``: prepared data whose training targets are an export's translations."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from search.commands.data_options import Out


def distill(
    export: Annotated[
        Path,
        typer.Argument(metavar="EXPORT", help="Export of the teacher.", show_default=False),
    ],
    out: Out,
    beam: Annotated[int, typer.Option(min=1, help="Beam width; 1 is greedy.")] = 5,
) -> None:
    """The data of an export, with its own translations of the training set to learn from."""
    from search.exports.distillation import distilled_data
    from search.study.console import say_fact, tell

    manifest = distilled_data(export, out, beam=beam, tell=tell)
    train = manifest.counts["train"]
    say_fact(f"{out}: {manifest.corpus}, {manifest.subject}, by {export}")
    say_fact(f"{train.n_sentences:,} training targets: {manifest.teacher}")
    say_fact("dictionaries, validation and test set are those of the teacher's data")
