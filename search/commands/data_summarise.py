"""``data summarise``: prepare documents and their summaries."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from search.commands.data_options import Out, with_options
from search.commands.data_pairs import prepare_pairs
from spaces.errors import UserError
from trainable.data.documents import DOCUMENT_LENGTH
from trainable.data.merges import BPE_MERGES, MAX_MERGES
from trainable.data.tokenisation import Tokenisation

if TYPE_CHECKING:
    from trainable.data.documents import Files
    from trainable.data.manifest import SplitName


@with_options("tokenizer", "cased", "lossy")
def summarise(
    out: Out,
    train: Annotated[
        Path,
        typer.Option(help="File with a document, a tab and its summary a line, or documents."),
    ],
    language: Annotated[str, typer.Option(help="Language of both, for example en.")],
    train_summaries: Annotated[
        Path | None, typer.Option(help="File of summaries, if train has none.", show_default=False)
    ] = None,
    valid: Annotated[Path | None, typer.Option(help="Split off from train if absent.")] = None,
    valid_summaries: Annotated[Path | None, typer.Option(help="Their summaries.")] = None,
    test: Annotated[Path | None, typer.Option(help="Split off from train if absent.")] = None,
    test_summaries: Annotated[Path | None, typer.Option(help="Their summaries.")] = None,
    max_document: Annotated[
        int, typer.Option(help="Documents are cut after this many subword tokens.")
    ] = DOCUMENT_LENGTH,
    max_summary: Annotated[
        int | None,
        typer.Option(help="Longest summary to write, in tokens; the longest of train if absent."),
    ] = None,
    bpe_merges: Annotated[
        int,
        typer.Option(
            "--bpe-merges",
            min=1,
            max=MAX_MERGES,
            help="BPE merges or pieces, learned on documents and summaries.",
        ),
    ] = BPE_MERGES["summarise"],
    *,
    choices: Tokenisation,
) -> None:
    """Your own documents and summaries, UTF-8, one of each a line, or .gz; one dictionary."""
    from trainable.data.corpus import SummaryLengths
    from trainable.data.documents import documents

    given: dict[SplitName, tuple[Path | None, Path | None]] = {
        "train": (train, train_summaries),
        "valid": (valid, valid_summaries),
        "test": (test, test_summaries),
    }
    files: dict[SplitName, Files] = {}
    for name, (texts, summaries) in given.items():
        if texts is not None:
            files[name] = texts, summaries
        elif summaries is not None:
            raise UserError(f"--{name}-summaries: are of no documents; give --{name} too")
    lengths = SummaryLengths(document=max_document, summary=max_summary)
    prepare_pairs(
        lambda: documents(files, language=language, lengths=lengths),
        *(out, bpe_merges, True, choices),
    )
