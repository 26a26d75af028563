"""``data text``: prepare the user's own text, parallel or in one language."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from search.commands.data_classify import prepare_text
from search.commands.data_options import Joined, Merges, Out, with_tokenisation
from search.commands.data_pairs import prepare_pairs
from spaces.errors import UserError
from trainable.data.merges import BPE_MERGES
from trainable.data.tokenisation import Form, Tokenisation

if TYPE_CHECKING:
    from trainable.data.pair_files import Part
    from trainable.data.text import TextFiles

Files = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE", help="File of pairs: TSV, TMX, WMT's XML, Moses' zip; may be repeated."
    ),
]
File = Annotated[Path | None, typer.Option(metavar="FILE", help="Drawn from train if absent.")]
Sources = Annotated[
    list[Path] | None,
    typer.Option(metavar="FILE", help="File of source sentences; may be repeated."),
]
Targets = Annotated[
    list[Path] | None,
    typer.Option(metavar="FILE", help="File of their translations, one for each --train-src."),
]
SourceFile = Annotated[Path | None, typer.Option(metavar="FILE", help="Source sentences.")]
TargetFile = Annotated[Path | None, typer.Option(metavar="FILE", help="Their translations.")]


@with_tokenisation
def text_command(
    out: Out,
    src: Annotated[str, typer.Option(help="Source language, for example de.")],
    tgt: Annotated[
        str | None,
        typer.Option(help="Target language, for example en; text in one language if absent."),
    ] = None,
    from_: Annotated[
        Path | None,
        typer.Option("--from", help="Folder with train, valid, test as .SRC and .TGT."),
    ] = None,
    train: Files = None,
    valid: File = None,
    test: File = None,
    train_src: Sources = None,
    train_tgt: Targets = None,
    valid_src: SourceFile = None,
    valid_tgt: TargetFile = None,
    test_src: SourceFile = None,
    test_tgt: TargetFile = None,
    form: Annotated[
        Form,
        typer.Option(
            metavar="FORM",
            help="raw, tokenised (and escaped, by Moses) or segmented (into BPE units) text.",
        ),
    ] = "raw",
    bpe_merges: Merges = BPE_MERGES["text"],
    joined_dictionary: Joined = False,
    *,
    choices: Tokenisation,
) -> None:
    """Your own text, one sentence a line, SGM or XML, plain or packed; or files of pairs."""
    from trainable.data.text import text

    if tgt is None:
        if train or valid or test or train_tgt or valid_tgt or test_tgt or joined_dictionary:
            raise UserError("text: there is no --tgt, so give files and options of --src alone")
        if form != "raw":
            raise UserError(f"--form {form}: is of text with --tgt; give raw text of --src alone")
        prepare_text(from_, train_src, valid_src, test_src, src, out, bpe_merges, choices)
        return
    files = _files(
        *(from_, src, tgt),
        train=(train or [], train_src or [], train_tgt or []),
        valid=(valid, valid_src, valid_tgt),
        test=(test, test_src, test_tgt),
    )
    prepare_pairs(
        lambda: text(files, src=src, tgt=tgt, form=form, scratch=out.parent),
        *(out, bpe_merges, joined_dictionary, choices),
    )


def _files(
    from_: Path | None,
    src: str,
    tgt: str,
    *,
    train: tuple[list[Path], list[Path], list[Path]],
    valid: tuple[Path | None, Path | None, Path | None],
    test: tuple[Path | None, Path | None, Path | None],
) -> TextFiles:
    """Files that the options name, each split's as those of pairs and of each side.

    Raises:
        UserError: files are missing, or given in two ways.
    """
    from trainable.data.text import TextFiles, find_text

    given = TextFiles(
        train=_train_parts(*train),
        valid=_part("valid", *valid),
        test=_part("test", *test),
    )
    if from_ is not None:
        if given != TextFiles(train=()):
            raise UserError("--from and named files exclude each other; give one of the two")
        return find_text(from_, src=src, tgt=tgt)
    if not given.train:
        raise UserError(
            "text: no files are given; give --from FOLDER, --train FILE with pairs, or "
            "--train-src and --train-tgt"
        )
    return given


def _train_parts(pairs: list[Path], src: list[Path], tgt: list[Path]) -> tuple[Part, ...]:
    if len(src) != len(tgt):
        missing = "src" if len(src) < len(tgt) else "tgt"
        raise UserError(f"--train-{missing}: is missing; each file needs that of its other side")
    return *zip(src, tgt, strict=True), *pairs


def _part(split: str, pairs: Path | None, src: Path | None, tgt: Path | None) -> Part | None:
    if pairs is not None and (src is not None or tgt is not None):
        raise UserError(f"--{split} has both sides; give it, or --{split}-src and --{split}-tgt")
    if src is None and tgt is None:
        return pairs
    if src is None or tgt is None:
        missing = "src" if src is None else "tgt"
        raise UserError(f"--{split}-{missing}: is missing; a split needs both its sides")
    return src, tgt
