"""``data fairseq``: prepare data that fairseq-preprocess has binarised."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from search.commands.data_options import Out, with_options
from search.commands.data_pairs import prepare_pairs
from trainable.data.tokenisation import RemoveBpe, Tokenisation


@with_options("bpe_codes", "sentencepiece_model", "metric", "bleu_tokenizer")
def fairseq(
    data_bin: Annotated[
        Path,
        typer.Argument(
            metavar="DATA-BIN", help="Folder that fairseq-preprocess wrote.", show_default=False
        ),
    ],
    out: Out,
    remove_bpe: Annotated[
        RemoveBpe | None,
        typer.Option(
            metavar="UNITS",
            help="How units become words, as fairseq-generate --remove-bpe: "
            "subword_nmt or sentencepiece; if absent, "
            "sentencepiece where the dictionary has its units.",
        ),
    ] = None,
    *,
    choices: Tokenisation,
) -> None:
    """Data of fairseq-preprocess: the same dictionaries and tokens, scored on words."""
    from dataclasses import replace

    from trainable.data.preprocessed import is_cased, preprocessed

    prepare_pairs(
        lambda: preprocessed(data_bin, remove_bpe=remove_bpe, scratch=out.parent),
        *(out, 0, False, replace(choices, cased=is_cased(data_bin))),
    )
