"""``data``: prepare a corpus as a folder that trials read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from search.commands.data_classify import classify, prepare_and_tell, prepare_text
from search.commands.data_distill import distill
from search.commands.data_options import with_tokenisation
from spaces.errors import UserError
from trainable.data.merges import BPE_MERGES
from trainable.data.tokenisation import Form, Tokenisation

if TYPE_CHECKING:
    from trainable.data.corpus import ParallelText

app = typer.Typer(
    help="Prepare a corpus: tokens, BPE, fairseq's binarised files and a manifest in one folder.",
    no_args_is_help=True,
)
app.command("classify")(classify)
app.command("distill")(distill)

Out = Annotated[Path, typer.Option("--out", help="New folder for the prepared data.")]
Merges = Annotated[
    int,
    typer.Option(
        "--bpe-merges", min=1, help="BPE merges or pieces, learned on both sides together."
    ),
]
GrammarTask = Literal["translation", "classification", "masked_lm"]
Joined = Annotated[
    bool,
    typer.Option("--joined-dictionary", help='One dictionary for both sides, for tied = "all".'),
]


@app.command("grammar")
@with_tokenisation
def grammar_command(
    out: Out,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the generated sentences.")] = 1,
    n_train: Annotated[int, typer.Option(min=1, help="Sentence pairs for training.")] = 20_000,
    n_valid: Annotated[int, typer.Option(min=1, help="Sentence pairs for validation.")] = 500,
    n_test: Annotated[int, typer.Option(min=1, help="Sentence pairs for testing.")] = 500,
    bpe_merges: Merges = BPE_MERGES["grammar"],
    joined_dictionary: Joined = False,
    task: Annotated[
        GrammarTask,
        typer.Option(
            metavar="TASK",
            help="translation (pairs), classification (English with its kinds) or masked_lm.",
        ),
    ] = "translation",
    *,
    choices: Tokenisation,
) -> None:
    """German and English sentences of the built-in grammar; needs no network."""
    from trainable.data.grammar.corpus import grammar
    from trainable.data.grammar.kinds import grammar_sentences

    if task != "translation":
        sizes = {"n_train": n_train, "n_valid": n_valid, "n_test": n_test}
        with_kinds = task == "classification"
        prepare_and_tell(
            lambda: grammar_sentences(seed=seed, with_kinds=with_kinds, **sizes),
            *(out, task, bpe_merges),
        )
        return
    _prepare(
        lambda: grammar(seed=seed, n_train=n_train, n_valid=n_valid, n_test=n_test),
        out,
        bpe_merges,
        joined_dictionary,
        choices,
    )


@app.command("multi30k")
@with_tokenisation
def multi30k_command(
    out: Out,
    from_: Annotated[
        Path | None,
        typer.Option("--from", help="Folder with train, val, test_2016_flickr as .de and .en."),
    ] = None,
    bpe_merges: Merges = BPE_MERGES["multi30k"],
    joined_dictionary: Joined = False,
    *,
    choices: Tokenisation,
) -> None:
    """Multi30k, German to English image captions (29,000 pairs); downloaded without --from."""
    from trainable.data.multi30k import multi30k

    _prepare(lambda: multi30k(from_), out, bpe_merges, joined_dictionary, choices)


@app.command("tatoeba")
@with_tokenisation
def tatoeba_command(
    out: Out,
    from_: Annotated[
        Path | None, typer.Option("--from", help="deu-eng.zip of manythings.org, or its folder.")
    ] = None,
    bpe_merges: Merges = BPE_MERGES["tatoeba"],
    joined_dictionary: Joined = False,
    *,
    choices: Tokenisation,
) -> None:
    """Tatoeba, German to English everyday sentences; downloaded without --from."""
    from trainable.data.tatoeba import tatoeba

    _prepare(lambda: tatoeba(from_), out, bpe_merges, joined_dictionary, choices)


@app.command("iwslt14")
@with_tokenisation
def iwslt14_command(
    out: Out,
    from_: Annotated[
        Path | None,
        typer.Option(
            "--from",
            help="de-en.tgz, a folder of its files, or a folder of tokenised "
            "train, valid, test as .de and .en.",
        ),
    ] = None,
    bpe_merges: Merges = BPE_MERGES["iwslt14"],
    joined_dictionary: Joined = False,
    *,
    choices: Tokenisation,
) -> None:
    """IWSLT'14, German to English TED talks (160,239 pairs); downloaded without --from."""
    from trainable.data.iwslt14 import iwslt14

    _prepare(lambda: iwslt14(from_), out, bpe_merges, joined_dictionary, choices)


@app.command("text")
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
    train_src: Annotated[Path | None, typer.Option(help="File of source sentences.")] = None,
    train_tgt: Annotated[Path | None, typer.Option(help="File of their translations.")] = None,
    valid_src: Annotated[Path | None, typer.Option(help="Split off from train if absent.")] = None,
    valid_tgt: Annotated[Path | None, typer.Option(help="File of their translations.")] = None,
    test_src: Annotated[Path | None, typer.Option(help="Split off from train if absent.")] = None,
    test_tgt: Annotated[Path | None, typer.Option(help="File of their translations.")] = None,
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
    """Your own text, parallel or in one language: raw sentences, UTF-8, one per line, or .gz."""
    from trainable.data.text import TextFiles, find_text, text

    if tgt is None:
        if train_tgt or valid_tgt or test_tgt or joined_dictionary:
            raise UserError("text: there is no --tgt, so give files and options of --src alone")
        prepare_text(from_, train_src, valid_src, test_src, src, out, bpe_merges)
        return
    train = _both("train", train_src, train_tgt)
    valid, test = _both("valid", valid_src, valid_tgt), _both("test", test_src, test_tgt)
    if from_ is not None:
        if train or valid or test:
            raise UserError("--from and named files exclude each other; give one of the two")
        files = find_text(from_, src=src, tgt=tgt)
    elif train is not None:
        files = TextFiles(train=train, valid=valid, test=test)
    else:
        raise UserError(
            "text: no files are given; give --from FOLDER, or --train-src and --train-tgt"
        )
    _prepare(
        lambda: text(files, src=src, tgt=tgt, form=form),
        out,
        bpe_merges,
        joined_dictionary,
        choices,
    )


def _both(split: str, src: Path | None, tgt: Path | None) -> tuple[Path, Path] | None:
    if src is None and tgt is None:
        return None
    if src is None or tgt is None:
        missing = "src" if src is None else "tgt"
        raise UserError(f"--{split}-{missing}: is missing; a split needs both its sides")
    return src, tgt


def _prepare(
    read: Callable[[], ParallelText],
    out: Path,
    n_merges: int,
    joined_dictionary: bool,
    choices: Tokenisation,
) -> None:
    from search.study.console import say
    from trainable.data.prepare import prepare

    manifest = prepare(
        read, out, n_merges=n_merges, joined_dictionary=joined_dictionary, tokenisation=choices
    )
    sizes = " / ".join(f"{split.n_sentences:,}" for split in manifest.counts.values())
    rows = manifest.dictionary
    say(f"{out}: {manifest.corpus}, {manifest.src} to {manifest.tgt}")
    say(f"pairs: {sizes} (train / valid / test)")
    for line in () if manifest.losses is None else manifest.losses.lines():
        say(line)
    say(f"dictionaries: {rows.src:,} and {rows.tgt:,} rows{' (joined)' * rows.joined}")
    say(f"tokens: {manifest.tokenizer}; Unicode's form NFC")
    if manifest.metric is not None:
        say(f"metric: {manifest.metric.name} ({manifest.metric.signature})")
    say(f"references after tokenising and back: {manifest.roundtrip_bleu} BLEU")
    say(f"licence: {manifest.licence}")
