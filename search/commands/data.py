"""``data``: prepare a corpus as a folder that trials read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from search.commands.data_classify import classify, prepare_and_tell
from search.commands.data_distill import distill
from search.commands.data_fairseq import fairseq
from search.commands.data_options import Joined, Merges, Out, with_tokenisation
from search.commands.data_pairs import prepare_pairs
from search.commands.data_summarise import summarise
from search.commands.data_text import text_command
from trainable.data.merges import BPE_MERGES
from trainable.data.multi30k_files import FIRST_TEST, TestSet
from trainable.data.tokenisation import Tokenisation

app = typer.Typer(
    help="Prepare a corpus: tokens, BPE, fairseq's binarised files and a manifest in one folder."
    "\n\nA first one:\n\n    reservoir-search data grammar --out data/grammar",
    no_args_is_help=True,
)

Src = Annotated[str, typer.Option(help="Source language.")]
Tgt = Annotated[str, typer.Option(help="Target language.")]
GrammarTask = Literal["translation", "classification", "masked_lm", "summarisation"]


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
            help="translation (pairs), classification (English with its kinds), masked_lm or "
            "summarisation.",
        ),
    ] = "translation",
    *,
    choices: Tokenisation,
) -> None:
    """German and English sentences of the built-in grammar; needs no network."""
    from trainable.data.grammar.corpus import grammar
    from trainable.data.grammar.kinds import grammar_sentences
    from trainable.data.grammar.summaries import grammar_summaries

    sizes = {"n_train": n_train, "n_valid": n_valid, "n_test": n_test}
    if task in ("classification", "masked_lm"):
        with_kinds = task == "classification"
        prepare_and_tell(
            lambda: grammar_sentences(seed=seed, with_kinds=with_kinds, **sizes),
            *(out, task, bpe_merges, choices),
        )
        return
    generate = grammar if task == "translation" else grammar_summaries
    joined = joined_dictionary or task == "summarisation"
    prepare_pairs(lambda: generate(seed=seed, **sizes), out, bpe_merges, joined, choices)


@app.command("multi30k")
@with_tokenisation
def multi30k_command(
    out: Out,
    from_: Annotated[
        Path | None,
        typer.Option("--from", help="Folder with train, val and the test set as .SRC and .TGT."),
    ] = None,
    src: Src = "de",
    tgt: Tgt = "en",
    test_set: Annotated[
        TestSet, typer.Option(metavar="NAME", help="test_2017_flickr, test_2017_mscoco …")
    ] = FIRST_TEST,
    bpe_merges: Merges = BPE_MERGES["multi30k"],
    joined_dictionary: Joined = False,
    *,
    choices: Tokenisation,
) -> None:
    """Multi30k, 29,000 image captions in de, en, fr, cs; downloaded without --from."""
    from trainable.data.multi30k import multi30k

    prepare_pairs(
        lambda: multi30k(from_, src=src, tgt=tgt, test=test_set),
        *(out, bpe_merges, joined_dictionary, choices),
    )


@app.command("tatoeba")
@with_tokenisation
def tatoeba_command(
    out: Out,
    from_: Annotated[
        Path | None,
        typer.Option("--from", help="A zip of manythings.org, as deu-eng.zip, or its folder."),
    ] = None,
    src: Src = "de",
    tgt: Tgt = "en",
    bpe_merges: Merges = BPE_MERGES["tatoeba"],
    joined_dictionary: Joined = False,
    *,
    choices: Tokenisation,
) -> None:
    """Tatoeba, everyday sentences in English and another language; downloaded without --from."""
    from trainable.data.tatoeba import tatoeba

    prepare_pairs(
        lambda: tatoeba(from_, src=src, tgt=tgt), out, bpe_merges, joined_dictionary, choices
    )


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
    src: Src = "de",
    tgt: Tgt = "en",
    bpe_merges: Merges = BPE_MERGES["iwslt14"],
    joined_dictionary: Joined = False,
    *,
    choices: Tokenisation,
) -> None:
    """IWSLT'14, German and English TED talks (160,239 pairs); downloaded without --from."""
    from trainable.data.iwslt14 import iwslt14

    prepare_pairs(
        lambda: iwslt14(from_, src=src, tgt=tgt), out, bpe_merges, joined_dictionary, choices
    )


@app.command("iwslt")
@with_tokenisation
def iwslt_command(
    out: Out,
    from_: Annotated[
        Path, typer.Option("--from", help="An archive of IWSLT, as de-en.tgz, or its folder.")
    ],
    src: Annotated[str, typer.Option(help="Source language.")],
    tgt: Annotated[str, typer.Option(help="Target language.")],
    bpe_merges: Merges = BPE_MERGES["iwslt"],
    joined_dictionary: Joined = False,
    *,
    choices: Tokenisation,
) -> None:
    """IWSLT of any year and two languages: TED talks, from the archive or its files."""
    from trainable.data.iwslt import iwslt

    prepare_pairs(
        lambda: iwslt(from_, src=src, tgt=tgt), out, bpe_merges, joined_dictionary, choices
    )


app.command("text")(text_command)
app.command("classify")(classify)
app.command("summarise")(summarise)
app.command("fairseq")(fairseq)
app.command("distill")(distill)
