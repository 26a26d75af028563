"""``data classify`` and ``data text`` without ``--tgt``: prepare sentences in one language."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from search.commands.data_options import with_tokens
from spaces.errors import UserError
from trainable.data.merges import BPE_MERGES, MAX_MERGES
from trainable.data.tokenisation import Tokenisation

if TYPE_CHECKING:
    from trainable.data.sentences import Sentences


@with_tokens
def classify(
    out: Annotated[Path, typer.Option("--out", help="New folder for the prepared data.")],
    train: Annotated[Path, typer.Option(help="File with a label and a sentence a line.")],
    language: Annotated[str, typer.Option(help="Language of the sentences, for example en.")],
    valid: Annotated[Path | None, typer.Option(help="Split off from train if absent.")] = None,
    test: Annotated[Path | None, typer.Option(help="Split off from train if absent.")] = None,
    fold: Annotated[
        str | None,
        typer.Option(
            help="Cross-validation: test on this fold of train, as 3/10.", show_default=False
        ),
    ] = None,
    bpe_merges: Annotated[
        int,
        typer.Option(
            "--bpe-merges", min=1, max=MAX_MERGES, help="BPE merges or pieces, learned on train."
        ),
    ] = BPE_MERGES["classify"],
    vocabulary: Annotated[
        Path | None,
        typer.Option(
            help="Prepared folder or export whose words are used, to start from its encoder.",
            show_default=False,
        ),
    ] = None,
    *,
    choices: Tokenisation,
) -> None:
    """Your own sentences with labels: .tsv, .csv, or a label, a space and a sentence; or .gz."""
    from trainable.data.labelled import Fold, labelled
    from trainable.data.split_files import SplitFiles

    if vocabulary is not None and choices != Tokenisation():
        raise UserError(
            f"--vocabulary {vocabulary}: decides on tokens and case; leave the options on them out"
        )
    files = SplitFiles(train=(train,), valid=valid, test=test)
    chosen = None if fold is None else Fold.parse(fold)
    prepare_and_tell(
        lambda: labelled(files, language=language, fold=chosen),
        *(out, "classification", bpe_merges, choices, vocabulary),
    )


def prepare_text(
    from_: Path | None,
    train: list[Path] | None,
    valid: Path | None,
    test: Path | None,
    language: str,
    out: Path,
    n_merges: int,
    choices: Tokenisation,
) -> None:
    """Prepare text in one language for a masked language model.

    Raises:
        UserError: files are missing, or given in both ways, or options are of translations.
    """
    from trainable.data.monolingual import find_monolingual, monolingual
    from trainable.data.split_files import SplitFiles

    scores = replace(choices, kind=None, cased=False, bpe_codes=None, sentencepiece_model=None)
    if scores != Tokenisation():
        raise UserError(
            "text: there is no --tgt, so leave --metric, --bleu-tokenizer and --lossy out"
        )
    if from_ is not None and (train or valid or test):
        raise UserError("--from and named files exclude each other; give one of the two")
    if from_ is not None:
        files = find_monolingual(from_, language=language)
    elif train:
        files = SplitFiles(train=tuple(train), valid=valid, test=test)
    else:
        raise UserError("text: no files are given; give --from FOLDER, or --train-src")
    prepare_and_tell(
        lambda: monolingual(files, language=language), *(out, "masked_lm", n_merges, choices)
    )


def prepare_and_tell(
    read: Callable[[], Sentences],
    out: Path,
    task: str,
    n_merges: int,
    choices: Tokenisation,
    vocabulary: Path | None = None,
) -> None:
    """Prepare sentences as the new folder ``out``, and print what is in it."""
    from search.study.console import say_fact
    from trainable.data.prepare_sentences import prepare_sentences

    manifest = prepare_sentences(
        read, out, task=task, n_merges=n_merges, vocabulary=vocabulary, tokenisation=choices
    )
    sizes = " / ".join(f"{split.n_sentences:,}" for split in manifest.counts.values())
    say_fact(f"{out}: {manifest.corpus}, {manifest.subject}, for the task {manifest.task}")
    say_fact(f"sentences: {sizes} (train / valid / test)")
    for line in () if manifest.losses is None else manifest.losses.lines():
        say_fact(line)
    say_fact(f"dictionary: {manifest.dictionary} rows")
    say_fact(f"tokens: {manifest.tokenizer}; Unicode's form NFC")
    say_fact(f"licence: {manifest.licence}")
