"""Options of ``data`` that several corpora have: tokens, case, metric."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from trainable.data.merges import MAX_MERGES
from trainable.data.tokenisation import Kind, Tokenisation
from trainable.metrics.names import BleuTokenizer, MetricName

Out = Annotated[Path, typer.Option("--out", help="New folder for the prepared data.")]
Merges = Annotated[
    int,
    typer.Option(
        "--bpe-merges",
        min=1,
        max=MAX_MERGES,
        help="BPE merges or pieces, learned on both sides together.",
    ),
]
Joined = Annotated[
    bool,
    typer.Option("--joined-dictionary", help='One dictionary for both sides, for tied = "all".'),
]


def tokenisation(
    *,
    tokenizer: Annotated[
        Kind | None,
        typer.Option(
            help="Moses and BPE, or SentencePiece (unigram or bpe), which loses nothing but "
            "characters that train lacks; if absent, unigram where a language is written without "
            "spaces, else moses."
        ),
    ] = None,
    cased: Annotated[
        bool, typer.Option("--cased", help="Keep capitals, which scores then count.")
    ] = False,
    bpe_codes: Annotated[
        Path | None, typer.Option(help="Codes of subword-nmt, rather than learned ones.")
    ] = None,
    sentencepiece_model: Annotated[
        Path | None, typer.Option(help="A SentencePiece model, rather than a learned one.")
    ] = None,
    metric: Annotated[MetricName, typer.Option(help="Metric of the searches on these data.")] = (
        "BLEU"
    ),
    bleu_tokenizer: Annotated[
        BleuTokenizer | None,
        typer.Option(
            metavar="NAME", help="sacreBLEU's tokenizer; the target language's own if absent."
        ),
    ] = None,
    lossy: Annotated[
        bool,
        typer.Option(
            "--lossy", help="Take text that scores below 95 BLEU after tokenising and back."
        ),
    ] = False,
) -> Tokenisation:
    """Choices of the command line."""
    return Tokenisation(
        kind=tokenizer,
        cased=cased,
        bpe_codes=bpe_codes,
        sentencepiece_model=sentencepiece_model,
        metric=metric,
        bleu_tokenizer=bleu_tokenizer,
        lossy=lossy,
    )


def with_tokenisation(command: Callable[..., None]) -> Callable[..., None]:
    """``command`` with the options of ``tokenisation``, whose value it gets as ``choices``."""
    return with_options(*inspect.signature(tokenisation).parameters)(command)


def with_tokens(command: Callable[..., None]) -> Callable[..., None]:
    """``command`` with the options on tokens and case alone, for text in one language."""
    return with_options("tokenizer", "cased", "bpe_codes", "sentencepiece_model")(command)


def with_options(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorator that adds the options ``names`` of ``tokenisation`` to a command."""

    def add(command: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(command)
        added = inspect.signature(tokenisation).parameters
        hints = get_type_hints(tokenisation, include_extras=True) | get_type_hints(
            command, include_extras=True
        )

        @wraps(command)
        def with_choices(**values: Any) -> None:
            chosen = {name: values.pop(name) for name in names}
            command(**values, choices=tokenisation(**chosen))

        parameters = [
            parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[name])
            for name, parameter in {
                **own.parameters,
                **{name: added[name] for name in names},
            }.items()
            if name != "choices"
        ]
        with_choices.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
        with_choices.__annotations__ = {name: hints[name] for name in (*own.parameters, *names)}
        return with_choices

    return add
